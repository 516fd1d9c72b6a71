"""The Reference page: cards made from the registries, and the glossary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtl_core.models.hard import Hard
from mtl_core.registry import Method
from pages.ui.cards import FAMILIES, card, describe, matches
from pages.ui.glossary import GLOSSARY
from tests.room import Room, room, said

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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("reference")) as place:
        yield place


def test_the_page_opens_on_the_sharing_types(place: Room) -> None:
    at = place.open("reference")
    assert not at.error
    words = said(at)
    assert "One trunk for all" in words
    assert "Caruana" in words


@pytest.mark.parametrize("title", [family.title for family in FAMILIES] + ["Words"])
def test_every_family_can_be_opened(place: Room, title: str) -> None:
    at = place.open("reference", family=title)
    assert not at.error
    assert len(at.markdown) > 2


def test_a_search_finds_methods_of_every_family_and_words_of_the_glossary(place: Room) -> None:
    at = place.open("reference")
    at.text_input(key="find").set_value("relative error").run()
    words = said(at)
    assert "RRMSE" in words
    assert "One trunk for all" not in words
    at.text_input(key="find").set_value("no such thing").run()
    assert at.info[0].value.startswith("Nothing here fits")


def test_trying_a_method_puts_it_into_the_settings_and_leaves_the_rest(place: Room) -> None:
    at = place.open("reference")
    at.button(key="try.sharings.cross_stitch").click().run()
    experiment = at.session_state["experiment"]
    assert [each.name for each in experiment.sharings] == ["cross_stitch"]
    assert experiment.tasks == ("species", "sex", "body mass")


def test_trying_data_takes_all_its_tasks(place: Room) -> None:
    at = place.open("reference", family="Data")
    at.button(key="try.data.linnerud").click().run()
    assert at.session_state["experiment"].tasks == ("weight", "waist", "pulse")
