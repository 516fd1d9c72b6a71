"""Kinds of tasks that put the rows of each list in order: what is found for a query, the offers of one day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mtl_core.lazy import torch
from mtl_core.tasks.base import Numbers, TaskKind, kinds
from mtl_core.tasks.lists import Lists, at_rows_behind, behind, log_shares, places, totals

PAIR_REACH = 64
"""In longer lists a row is compared with so many rows before and behind it: every pair would cost rows squared."""


@dataclass(frozen=True)
class _Ranking(TaskKind):
    """A score whose order within a list is what counts; labels are grades, 0 or more, higher is better."""

    error: ClassVar[str] = "pair_error"
    negative: ClassVar[bool] = False
    in_lists: ClassVar[bool] = True

    def n_outputs(self, classes: int) -> int:
        return 1

    def trivial(self, shares: Numbers) -> float:
        """A coin decides which of two comes first."""
        return 0.5


@kinds.register("ranking", title="An order within lists, pair by pair", term="RankNet")
@dataclass(frozen=True)
class PairwiseRanking(_Ranking):
    """Predict which of two rows of a list has the higher grade; cross-entropy on the difference of their scores.

    Mean of log(1 + exp(lower's score - higher's)) over the batch's pairs of rows of one list with different grades.
    Batches are made of whole lists, but the first and the last may be cut.
    Reference: Burges, Shaked, Renshaw et al., "Learning to Rank using Gradient Descent", ICML 2005.
    Differs from the paper: pairs of equal grades are left out; in lists of more than 65 rows not all pairs are taken.
    """

    def list_loss(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists
    ) -> tuple[torch.Tensor, torch.Tensor]:
        reach = min(lists.longest - 1, PAIR_REACH)
        scores, grades = outputs.squeeze(-1).movedim(1, -1), targets.movedim(1, -1)  # [R, k, B]
        same = (lists.numbers[..., None] == behind(lists.numbers, reach, -1))[:, None]
        sign = torch.sign(grades[..., None] - behind(grades, reach, torch.nan)).nan_to_num() * same  # [R, k, B, reach]
        ahead, counts = sign * (scores[..., None] - behind(scores, reach, 0.0)), sign.abs()
        share = ((~torch.isnan(grades)).sum(2) / counts.sum((2, 3)).clamp(min=1))[..., None]
        rows = (torch.nn.functional.softplus(-ahead) * counts).sum(-1)  # of a pair, at its first row
        pull = torch.sigmoid(-ahead) * sign
        slope = at_rows_behind(pull) - pull.sum(-1)
        return (rows * share).movedim(-1, 1), (slope * share).movedim(-1, 1).unsqueeze(-1)


@kinds.register("listwise", title="An order within lists, the top first", term="ListNet")
@dataclass(frozen=True)
class ListwiseRanking(_Ranking):
    """Predict what stands at the top of a list; cross-entropy between the chances that grades and scores give.

    Chances are the softmax of the grades, and of the scores, within a list. Mean over the lists of two or more rows of
    sum p log(p / q): 0 for perfect chances, never below.
    Reference: Cao, Qin, Liu, Tsai, Li, "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (top
    one probabilities). Differs from the paper: minus the entropy of the grades' chances, which is constant.
    """

    def list_loss(
        self, outputs: torch.Tensor, targets: torch.Tensor, lists: Lists
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scores, grades = outputs.squeeze(-1).movedim(1, -1), targets.movedim(1, -1)  # [R, k, B]
        where, known = places(lists.numbers)[:, None].expand_as(grades), ~torch.isnan(grades)
        truth = log_shares(torch.where(known, grades, -torch.inf), where)
        found = log_shares(torch.where(known, scores, -torch.inf), where)
        chance = truth.exp()
        several = totals(known.to(scores.dtype), where) > 1
        share = (known.sum(2) / several.sum(2).clamp(min=1))[..., None]
        rows = torch.where(known, chance * (truth - found), 0.0)
        return (rows * share).movedim(-1, 1), ((found.exp() - chance) * share).movedim(-1, 1).unsqueeze(-1)
