"""What a task is. Importing the package fills the registry of kinds."""

from mtl_core.tasks import boxes, classes, numbers, ranking
from mtl_core.tasks.base import TaskKind, kinds
from mtl_core.tasks.spec import TaskSpec

__all__ = ["TaskKind", "TaskSpec", "boxes", "classes", "kinds", "numbers", "ranking"]
