"""Every sharing type; importing the package fills the registry."""

from mtl_core.models import adapters, attention, experts, extraction, hard, soft, stitch

__all__ = ["adapters", "attention", "experts", "extraction", "hard", "soft", "stitch"]
