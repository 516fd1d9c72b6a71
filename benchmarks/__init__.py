"""Speed and trust, measured: `python -m benchmarks` runs everything and writes `results.json`."""
