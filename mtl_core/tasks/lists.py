"""Rows that belong together: a query and what is ranked for it. Every tensor ends with the rows [..., B]."""

from __future__ import annotations

from dataclasses import dataclass

from mtl_core.lazy import torch


@dataclass(frozen=True)
class Lists:
    """The list that each row is in. numbers [R, B]: rows of one list stand together; longest: rows of the longest."""

    numbers: torch.Tensor
    longest: int


def places(numbers: torch.Tensor) -> torch.Tensor:
    """Lists counted from 0 in the order in which they stand: numbers [..., B] -> [..., B]."""
    fresh = torch.zeros_like(numbers)
    fresh[..., 1:] = numbers[..., 1:] != numbers[..., :-1]
    return fresh.cumsum(-1)


def totals(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Sum of the values of each list, by `places`: [..., B]."""
    return torch.zeros_like(values).scatter_add(-1, where, values)


def log_shares(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Logarithm of the softmax within each list; -inf where a value is -inf."""
    known = values > -torch.inf
    highest = torch.full_like(values, -torch.inf).scatter_reduce(-1, where, values, "amax").gather(-1, where)
    away = torch.where(known, values - highest, -torch.inf)
    return torch.where(known, away - totals(away.exp(), where).gather(-1, where).log(), -torch.inf)


def behind(values: torch.Tensor, reach: int, beyond: float) -> torch.Tensor:
    """The 1st to last of `reach` rows behind each row, `beyond` where there is none: [..., B] -> [..., B, reach]."""
    return torch.nn.functional.pad(values, (0, reach), value=beyond).unfold(-1, reach + 1, 1)[..., 1:]


def at_rows_behind(values: torch.Tensor) -> torch.Tensor:
    """The other way: what is noted at each row for the rows behind it, added up there: [..., B, reach] -> [..., B].

    Row b takes from rows b - reach to b - 1: a diagonal, which in memory is a step of a row and a place.
    """
    n_rows, reach = values.shape[-2:]
    led = torch.nn.functional.pad(values.flip(-1), (0, 0, reach, 0)).contiguous()
    size, steps = (*led.shape[:-2], n_rows, reach), (*led.stride()[:-2], reach, reach + 1)
    return led.as_strided(size, steps).sum(-1)


def ranks(scores: torch.Tensor, where: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows list by list, the highest score first: their numbers, and the rank of each in its list (0, 1, ...)."""
    best_first = scores.argsort(dim=-1, descending=True, stable=True)
    order = best_first.gather(-1, where.gather(-1, best_first).argsort(dim=-1, stable=True))
    listed = where.gather(-1, order)
    count = torch.arange(scores.shape[-1], device=scores.device).expand_as(listed)
    begins = torch.ones_like(listed, dtype=torch.bool)
    begins[..., 1:] = listed[..., 1:] != listed[..., :-1]
    return order, count - torch.where(begins, count, 0).cummax(-1).values
