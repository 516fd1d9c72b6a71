"""A memory with a limit in bytes: what was not used for longest is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteLimited(Generic[K, V]):
    """A mapping that forgets; the newest entry is kept even when it alone is over the limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: K) -> V | None:
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: K, value: V, size: int) -> None:
        self.drop(key)
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit and len(self._entries) > 1:
            self.drop(next(iter(self._entries)))

    def drop(self, key: K) -> None:
        if key in self._entries:
            self._bytes -= self._entries.pop(key)[1]
