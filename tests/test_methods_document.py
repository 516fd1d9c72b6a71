"""docs/methods.md is what the registries say today."""

from __future__ import annotations

import re

import pytest

from benchmarks import methods
from mtl_core.meta.families import families
from mtl_core.meta.learners import learners
from mtl_core.models.base import sharings
from mtl_core.optimisers import optimisers
from mtl_core.tasks import kinds
from mtl_core.weighting.base import weightings
from pages.ui.cards import card

PAPERS = [*(sharings[name] for name in sharings), *(weightings[name] for name in weightings)]
PAPERS += [*(optimisers[name] for name in optimisers), *(learners[name] for name in learners)]


def test_the_document_is_up_to_date() -> None:
    fresh = methods.document()
    assert methods.DOCUMENT.read_text(encoding="utf-8") == fresh, "stale; run: python -m benchmarks.methods"


@pytest.mark.parametrize(
    "registry", [sharings, weightings, optimisers, kinds, learners, families], ids=lambda each: each.family
)
def test_every_method_and_every_setting_has_its_place(registry: object) -> None:
    text = methods.document()
    for name in registry:  # type: ignore[attr-defined]
        (section,) = re.findall(rf'<a id="method-{name}"></a>.*?(?=\n##|\Z)', text, re.DOTALL)
        for knob in registry[name].knobs():  # type: ignore[index]
            assert f"- Setting `{knob.name}`: " in section


def test_every_link_of_the_contents_leads_to_a_section() -> None:
    text = methods.document()
    wanted = re.findall(r"\]\(#([\w-]+)\)", text)
    assert len(wanted) == len(set(wanted)) == text.count('<a id="')
    assert all(f'<a id="{each}"></a>' in text for each in wanted)


@pytest.mark.parametrize(("registry", "unit"), [(weightings, "equal"), (sharings, "hard")], ids=["weights", "sharing"])
def test_every_method_has_a_measured_cost_and_the_unit_costs_itself(registry: object, unit: str) -> None:
    costs, _ = methods.measured()
    assert {registry[name].label() for name in registry} <= set(costs)  # type: ignore[attr-defined, index]
    assert costs[registry[unit].label()].startswith("1.00 times that ")  # type: ignore[index]


@pytest.mark.parametrize("method", PAPERS, ids=lambda each: each.__name__)
def test_a_method_with_a_paper_says_how_it_departs_from_it_and_by_what_rule(method: type) -> None:
    entry = card(method)
    if entry.reference:
        assert entry.differs, "say 'Differs from the paper: ...' (or 'no.') behind the reference"
    assert entry.details or not entry.reference, "the docstring gives no rule"
