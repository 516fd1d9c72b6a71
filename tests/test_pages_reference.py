"""The Reference page: cards made from the registries, and the glossary."""

from __future__ import annotations

import pytest

from mtl_core.models.hard import Hard
from mtl_core.registry import Method
from pages.ui.cards import FAMILIES, card, describe, matches
from pages.ui.glossary import GLOSSARY

METHODS = [family.registry[name] for family in FAMILIES for name in family.registry]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_every_method_has_a_card_that_explains_it_in_a_sentence(method: type[Method]) -> None:
    entry = card(method)
    assert entry.label
    assert entry.summary.endswith(".")
    assert [label for label, _ in entry.knobs] == [knob.label for knob in method.knobs()]
    assert not any("Reference:" in each for each in entry.details)


def test_a_card_takes_the_docstring_apart() -> None:
    entry = card(Hard)
    assert entry.label == "One trunk for all (hard sharing)"
    assert entry.reference == 'Caruana, "Multitask Learning", Machine Learning 28, 1997.'
    assert entry.differs == "no."
    assert entry.details[0].startswith("The first depth - private_layers layers are shared")


def test_a_knob_is_told_with_its_range_and_default() -> None:
    (knob,) = Hard.knobs()
    assert describe(knob).endswith("counted from its head; all of them = nothing shared (0 to 8; default 0).")


def test_a_card_is_found_by_its_author_and_not_by_a_stranger() -> None:
    assert matches(card(Hard), "caruana TRUNK")
    assert not matches(card(Hard), "caruana stitch")
    assert matches(card(Hard), " ")


def test_the_glossary_says_each_word_once_in_whole_sentences() -> None:
    words = [term.word.lower() for term in GLOSSARY]
    assert len(set(words)) == len(words)
    assert {"alone", "together", "gain", "rrmse", "delta-m", "negative transfer", "task affinity"} <= set(words)
    assert all(term.meaning[0].isupper() for term in GLOSSARY)
