"""A figure with the range it is expected in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One measured value; kept if low <= value <= high."""

    name: str
    value: float
    low: float
    high: float

    @property
    def figure(self) -> str:
        return f"{self.value:.4g}"

    @property
    def expected(self) -> str:
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"

    @property
    def kept(self) -> bool:
        return self.low <= self.value <= self.high
