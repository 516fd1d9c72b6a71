"""Every sharing type; importing the package fills the registry."""

from mtl_core.models import experts, hard, soft, stitch

__all__ = ["experts", "hard", "soft", "stitch"]
