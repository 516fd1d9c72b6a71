"""Every weighting; importing the package fills the registry."""

from mtl_core.weighting import by_gradient, by_loss

__all__ = ["by_gradient", "by_loss"]
