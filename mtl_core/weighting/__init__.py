"""Every weighting; importing the package fills the registry."""

from mtl_core.weighting import by_balance, by_gradient, by_loss, by_progress

__all__ = ["by_balance", "by_gradient", "by_loss", "by_progress"]
