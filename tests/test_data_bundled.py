"""The real sets that ship: as published, and no feature gives a task away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import mtl_core.data
from mtl_core.data.base import sources
from mtl_core.data.bundled import FOLDER
from mtl_core.data.bundled_people import Diabetes, DoctorVisits, TravelChoice
from mtl_core.data.bundled_traffic import BikeHire, Cars
from mtl_core.data.leaks import leaks
from mtl_core.data.splits import splits

assert mtl_core.data  # registers every source
real = [name for name in sources if sources[name].shelf == "real"]


@pytest.mark.parametrize("name", real)
def test_no_feature_is_a_copy_of_a_task_and_no_sum_of_features_is(name: str) -> None:
    """The straight line through all number features leaves something to be learned."""
    data = sources[name]().load()
    assert not leaks(data.features, data.targets, data.tasks)
    numbers = data.features.select_dtypes("number").to_numpy(float)
    for task in data.tasks:
        labels = data.targets[task.name].to_numpy(float)
        known = ~np.isnan(labels) & ~np.isnan(numbers).any(1)
        table = np.column_stack([numbers[known], np.ones(known.sum())])
        left = labels[known] - table @ np.linalg.lstsq(table, labels[known], rcond=None)[0]
        assert left.var() > 0.05 * labels[known].var(), task.name


def test_all_bikes_are_the_sum_of_the_tasks_and_no_feature() -> None:
    """UCI's own documentation: cnt = casual + registered; 2011 had 1,243,103 hires."""
    data, table = BikeHire().load(), pd.read_csv(FOLDER / "bike_hire.csv")
    assert (data.targets.sum(axis=1) == table["bikers"]).all()
    assert table["bikers"].sum() == 1_243_103
    assert not {"bikers", "casual", "registered", "day"} & set(data.features.columns)


@pytest.mark.parametrize("source", [BikeHire(), DoctorVisits(), TravelChoice()])
def test_a_day_a_family_and_a_traveller_stay_on_one_side(source: BikeHire) -> None:
    data = source.load()
    assert data.groups is not None
    for split in splits(data, 5, 0):
        train, test = set(data.groups[split.train]), set(data.groups[split.test])
        assert train.isdisjoint(test)


def test_a_plan_learns_from_its_own_people_only() -> None:
    data = DoctorVisits().load()
    assert (data.targets.notna().sum(axis=1) == 1).all()
    counts = data.targets.count()
    assert counts["plan: free care"] == 1872
    assert counts.sum() == len(data.targets) == 5267
    means = data.targets.mean()
    assert means["plan: free care"] > means["plan: 25 % to pay"] > means["plan: 95 % to pay"]  # the experiment's result


def test_every_traveller_chose_one_offer_of_four() -> None:
    data = TravelChoice().load()
    assert data.queries is not None
    chosen = data.targets.groupby(data.queries).sum().sum(axis=1)
    assert (chosen == 1).all()
    assert len(chosen) == 210
    modes = data.features["mode"][data.targets.sum(axis=1) == 1].value_counts()
    assert modes.to_dict() == {"train": 63, "car": 59, "plane": 58, "bus": 30}  # Greene, table 18.2


def test_ldl_was_computed_from_a_task_and_is_left_out() -> None:
    """Friedewald's formula: LDL = total cholesterol - HDL - triglycerides / 5."""
    from sklearn.datasets import load_diabetes

    table, data = load_diabetes(as_frame=True, scaled=False).frame, Diabetes().load()
    fifth = np.exp(data.targets["triglycerides (log)"]) / 5
    assert_allclose(table["s1"] - table["s3"] - fifth, table["s2"], atol=0.51)
    assert "LDL" not in data.features.columns


def test_cars_are_as_published() -> None:
    data = Cars().load()
    assert np.bincount(data.targets["built in"].astype(int)).tolist() == [245, 68, 79]
    assert_allclose(data.targets["economy"].mean(), 23.44592, atol=1e-5)  # summary(Auto) in R
