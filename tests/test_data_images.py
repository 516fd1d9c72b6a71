"""Generated pictures say what their labels say, and their pixels share one scale."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtl_core.data.base import Source
from mtl_core.data.bundled import Digits
from mtl_core.data.images import pictures
from mtl_core.data.prepare import encoded_names, prepare
from mtl_core.data.synthetic_images import COLOURS, Shapes, TwoDigits

EVERY: list[Source] = [Digits(), TwoDigits(), Shapes(rows=200)]


@pytest.mark.parametrize("source", EVERY, ids=lambda each: each.name)
def test_a_source_of_pictures_knows_their_shape_without_loading_them(source: Source) -> None:
    data = source.load()
    assert data.image_shape == source.image_shape is not None
    assert pictures(data).shape == (data.n_rows, *source.image_shape)
    assert_array_equal(pictures(data)[3].ravel(), data.features.iloc[3])


@pytest.mark.parametrize("source", [TwoDigits(), Shapes(rows=200)], ids=lambda each: each.name)
def test_draws_are_fresh_pictures(source: Source) -> None:
    assert source.draw(1).fingerprint == source.draw(1).fingerprint != source.draw(2).fingerprint


def test_pixels_of_one_colour_have_one_scale_fitted_on_training_rows() -> None:
    """Mean 0 and deviation 1 over all training pixels of a colour; a shade means the same in every place."""
    data = Shapes(rows=100).load()
    prepared = prepare(data, 4, 0)
    assert encoded_names(data) == list(data.features.columns)
    for p in range(4):
        train = prepared.train[p][prepared.train[p] < data.n_rows]
        seen = prepared.inputs[p, :-1].reshape(-1, 24, 24, 3)
        assert_allclose(seen[train].mean((0, 1, 2)), 0, atol=1e-4)
        assert_allclose(seen[train].std((0, 1, 2)), 1, atol=1e-4)
        shades, raw = seen[..., 0].ravel(), pictures(data)[..., 0].ravel()
        slope, place = np.polyfit(raw, shades, 1)
        assert_allclose(shades, slope * raw + place, atol=1e-4)


@pytest.mark.parametrize(("few", "many"), [(TwoDigits(), TwoDigits(rows=2500)), (Shapes(), Shapes(rows=1200))])
def test_more_pictures_keep_the_first_ones(few: Source, many: Source) -> None:
    one, two = few.load(), many.load()
    assert_array_equal(one.features, two.features[: one.n_rows])
    assert_array_equal(one.targets, two.targets[: one.n_rows])


# --- two digits ---------------------------------------------------------------------------------------------------
def test_both_digits_stand_in_the_picture_and_nothing_else_does() -> None:
    """Each picture is the darker of two of scikit-learn's scans, at the places that the dial allows."""
    from sklearn.datasets import load_digits

    data, (ink, digit) = TwoDigits(rows=50, shift=0).load(), load_digits(return_X_y=True)
    scans = ink.reshape(-1, 8, 8) / 16
    for picture, (left, right) in zip(pictures(data)[..., 0], data.targets.to_numpy(int), strict=True):
        first = [scan for scan in scans[digit == left] if np.allclose(picture[2:10, :4], scan[:, :4])]
        second = [scan for scan in scans[digit == right] if np.allclose(picture[2:10, 8:], scan[:, 4:])]
        both = [np.maximum(a[:, 4:], b[:, :4]) for a in first for b in second]
        assert any(np.allclose(picture[2:10, 4:8], middle) for middle in both)
        assert not picture[:2].any()
        assert not picture[10:].any()


def test_shifts_move_digits_inside_the_picture() -> None:
    still, moved = (pictures(TwoDigits(rows=400, shift=each).load()) for each in (0, 2))
    assert not still[:, [0, 1, 10, 11]].any()
    assert moved[:, 0].any()
    assert moved[:, 11].any()


def test_a_convolution_is_not_needed_to_see_that_labels_fit_the_pictures() -> None:
    """scikit-learn's nearest neighbour, far better than the one in ten of a guess."""
    from sklearn.neighbors import KNeighborsClassifier

    data = TwoDigits(rows=1500, shift=0).load()
    inputs, labels = data.features.to_numpy(), data.targets.to_numpy(int)
    for t in range(2):
        found = KNeighborsClassifier(1).fit(inputs[:1000], labels[:1000, t])
        assert found.score(inputs[1000:], labels[1000:, t]) > 0.5


def test_noise_has_the_deviation_that_the_dial_says() -> None:
    clean, noisy = (pictures(TwoDigits(rows=500, noise=each).load()) for each in (0.0, 0.3))
    assert_allclose((noisy - clean).std(), 0.3, atol=0.01)


# --- shapes -------------------------------------------------------------------------------------------------------
def clear(**dials: float) -> Shapes:
    return Shapes.from_settings({"rows": 300, "noise": 0.0, "occlusion": 0.0} | dials)


def test_the_box_is_the_smallest_around_the_shape() -> None:
    data = clear().load()
    seen = pictures(data)
    ground = seen.min(axis=(1, 2))[:, None, None]
    boxes = data.boxes["box"]
    for picture, low, box in zip(seen, ground, boxes, strict=True):
        inked = (picture.max(-1) > low.max() + 0.2).nonzero()
        for axis, (start, end) in zip((1, 0), (box[[0, 2]], box[[1, 3]]), strict=True):
            assert_allclose(inked[axis].min(), start, atol=2)
            assert_allclose(inked[axis].max() + 1, end, atol=2)
    assert boxes.min() >= -1e-6
    assert boxes.max() <= 24 + 1e-6
    assert_allclose((boxes[:, 2:] - boxes[:, :2]).prod(1), data.targets["box"])


def test_the_colour_is_that_of_the_brightest_pixels() -> None:
    data = clear().load()
    names = np.array(list(COLOURS.values()))
    flat = pictures(data).reshape(300, -1, 3)
    brightest = flat[np.arange(300), flat.max(-1).argmax(1)]
    alike = brightest @ names.T / np.linalg.norm(names, axis=1)
    assert_array_equal(alike.argmax(1), data.targets["colour"])


def test_shapes_cover_as_much_of_their_box_as_geometry_says() -> None:
    """Disc pi / 4, block 1, triangle 1 / 2, cross 5 / 9."""
    data = Shapes(rows=3000, noise=0.0, occlusion=0.0).load()
    seen = pictures(data).max(-1)
    inked = (seen > seen.min(axis=(1, 2), keepdims=True) + 0.2).sum((1, 2))
    share = inked / data.targets["box"]
    assert_allclose(share.groupby(data.targets["shape"]).mean(), [np.pi / 4, 1, 1 / 2, 5 / 9], atol=0.02)


def test_the_patch_hides_the_share_that_the_dial_says() -> None:
    hidden = pictures(clear(occlusion=0.25).load())
    assert_allclose((hidden == 0.5).all(-1).mean(), 0.25, atol=0.01)
