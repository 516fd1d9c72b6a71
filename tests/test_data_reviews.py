"""Generated reviews: every label can be read from the words, by a reader who knows nothing of the generator's dice."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mtl_core.data.prepare import encoded_names, prepare
from mtl_core.data.synthetic_reviews import CHINESE, ENGLISH, LANGUAGES, Reviews, Words


def read(text: str, words: Words) -> tuple[int, list[int]]:
    """Topic, and the strengths of the opinions in their order, from the words alone."""
    strength = {word: s for s, found in words.opinions.items() for word in found}
    turn = words.forms[1].removeprefix("{s}").removesuffix("{o}")
    (topic,) = {t for t, names in enumerate(words.subjects) if any(name in text.lower() for name in names)}
    opinion = "|".join(map(re.escape, sorted(strength, key=len, reverse=True)))
    found = re.findall(rf"({re.escape(turn)})?({opinion})(?=[,，.。]| and )", text)
    return topic, [-int(np.sign(strength[word])) if turned else strength[word] for turned, word in found]


@pytest.mark.parametrize(("language", "words"), [("English", ENGLISH), ("Chinese", CHINESE)])
def test_all_labels_can_be_read_from_the_words(language: str, words: Words) -> None:
    data = Reviews(language=language, rows=400, noise=0.0).load()
    for text, (topic, mood, stars) in zip(data.features["review"], data.targets.to_numpy(), strict=True):
        seen, strengths = read(text, words)
        mean = np.mean(strengths)
        assert seen == topic, text
        assert (mean or strengths[-1]) > 0 if mood else (mean or strengths[-1]) < 0, text
        assert abs(stars + 1 - (3 + mean)) <= 0.5, text


def test_noise_moves_a_tenth_of_the_stars_by_one_and_nothing_else() -> None:
    clean, noisy = Reviews(rows=4000, noise=0.0).load(), Reviews(rows=4000).load()
    assert_array_equal(clean.features, noisy.features)
    assert_array_equal(clean.targets[["topic", "mood"]], noisy.targets[["topic", "mood"]])
    off = (noisy.targets["stars"] - clean.targets["stars"]).abs()
    assert set(off) == {0.0, 1.0}
    assert 0.06 < off.mean() < 0.12  # none beyond five stars or below one


def test_both_languages_stand_side_by_side() -> None:
    texts = Reviews(language="both").load().features["review"]
    chinese = texts.str.contains("[\u4e00-\u9fff]").mean()
    assert 0.4 < chinese < 0.6
    assert not Reviews().load().features["review"].str.contains("[\u4e00-\u9fff]").any()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_inputs_that_training_sees_tell_the_topic(language: str) -> None:
    """scikit-learn's logistic regression on the parts of the texts; a guess would be right one time in four.

    A table of two scripts is cut into words, or into signs, as most of it asks for; the other half suffers."""
    from sklearn.linear_model import LogisticRegression

    data = Reviews(language=language, rows=600).load()
    assert len(encoded_names(data)) == (64 if language == "both" else 32)
    prepared = prepare(data, 3, 0)
    rows = [each[0][each[0] < data.n_rows] for each in (prepared.train, prepared.test)]
    (seen, labels), (tested, wanted) = ((prepared.inputs[0, each], prepared.targets[0, each, 0]) for each in rows)
    assert LogisticRegression(max_iter=2000).fit(seen, labels).score(tested, wanted) > (
        0.6 if language == "both" else 0.8
    )


def test_draws_are_fresh_reviews() -> None:
    assert Reviews().draw(1).fingerprint == Reviews().draw(1).fingerprint != Reviews().draw(2).fingerprint
