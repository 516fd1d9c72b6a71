"""Meta-learning: train on many tasks, then learn a new one from a few labels."""

from mtl_core.meta import by_adapting, by_trunk, generated

__all__ = ["by_adapting", "by_trunk", "generated"]
