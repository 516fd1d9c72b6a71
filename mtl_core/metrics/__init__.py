"""Masked scores of every replica at once; checked against scikit-learn. Importing the package fills the registry."""

from mtl_core.metrics import boxes, classes, lists, numbers
from mtl_core.metrics.base import Metric, for_kind, metrics

__all__ = ["Metric", "boxes", "classes", "for_kind", "lists", "metrics", "numbers"]
