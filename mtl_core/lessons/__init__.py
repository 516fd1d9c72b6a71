"""Lessons: each is one TOML file in this folder; `base` says what stands in it, `outcome` reads a run's answer."""
