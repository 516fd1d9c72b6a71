"""Data that ships and data that is generated."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mtl_core.data
from mtl_core.data.base import Source, sources
from mtl_core.data.bundled import FOLDER, Penguins, SolarFlare
from mtl_core.data.describe import association_measures, describe, target_correlations
from mtl_core.data.prepare import prepare
from mtl_core.data.synthetic import Relatedness, Tutorial
from mtl_core.experiment import Experiment
from mtl_core.registry import InvalidInput

assert mtl_core.data  # registers every source
complete = [name for name in sources if sources[name].shelf != "table"]


@pytest.mark.parametrize("name", complete)
def test_a_source_loads_the_same_data_every_time_and_can_be_trained_on(name: str) -> None:
    first, second = sources[name]().load(), sources[name]().load()
    assert first.fingerprint == second.fingerprint
    assert min(map(len, (first.title, first.source, first.licence, first.description))) > 0
    prepared = prepare(first, 5, 0)
    assert np.isfinite(prepared.inputs).all()
    for task, labels in zip(first.tasks, np.moveaxis(prepared.targets, -1, 0), strict=True):
        known = labels[~np.isnan(labels)]
        assert len(np.unique(known)) > 1
        assert not task.classes or set(known) == set(range(len(task.classes)))


@pytest.mark.parametrize("name", sources)
def test_a_source_goes_through_the_json_of_an_experiment(name: str) -> None:
    experiment = Experiment(sources[name](), ("a", "b"))
    assert Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment


def test_naming_sources_loads_neither_torch_nor_scikit_learn() -> None:
    code = "import sys, mtl_core.data; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_penguins_are_as_published() -> None:
    data = Penguins().load()
    assert np.bincount(data.targets["species"].astype(int)).tolist() == [152, 68, 124]
    assert data.targets["sex"].isna().sum() == 11
    assert_allclose(data.targets["body mass"].mean(), 4201.754, atol=1e-3)  # the R package's summary
    assert not {"species", "sex", "body_mass_g"} & set(data.features.columns)


def test_no_flare_count_is_a_feature() -> None:
    data = SolarFlare().load()
    assert data.features.shape == (1066, 10)
    assert data.targets.sum().tolist() == [320, 50, 6]
    assert not [name for name in data.features.columns if "flares" in str(name)]


def test_the_files_that_ship_are_few_and_named_with_their_licence() -> None:
    notes = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = [path for path in FOLDER.iterdir() if path.suffix == ".csv"]
    assert len(files) > 1
    assert all(f"`{path.name}`" in notes for path in files)
    assert sum(path.stat().st_size for path in files) < 15e6


# --- the relatedness dial -----------------------------------------------------------------------------------
def shared_share(source: Relatedness) -> float:
    """Share of the signals' variance in their two strongest directions."""
    signals = source.load().targets.to_numpy(float)
    values = np.linalg.svd(signals - signals.mean(0), compute_uv=False) ** 2
    return float(values[:2].sum() / values.sum())


def test_related_tasks_live_in_two_latents_and_unrelated_ones_do_not() -> None:
    shares = [shared_share(Relatedness(tasks=8, rows=2000, noise=0.0, relatedness=s)) for s in (1.0, 0.5, 0.0)]
    assert shares[0] > 0.999
    assert 0.99 > shares[1] > shares[2]
    assert shares[2] < 0.6


def test_turning_one_dial_leaves_all_else_as_it_was() -> None:
    base = Relatedness().load()
    more_tasks = Relatedness(tasks=6).load()
    assert_array_equal(base.targets, more_tasks.targets.iloc[:, :4])
    more_rows = Relatedness(rows=500).load()
    assert_array_equal(base.features, more_rows.features[:300])
    assert_allclose(base.targets, more_rows.targets[:300], atol=1e-6)
    assert_array_equal(base.features, Relatedness(relatedness=0.3, noise=1.0).load().features)
    dials = [Relatedness(first_noise=4.0), Relatedness(first_outliers=0.05), Relatedness(first_labels=0.2)]
    for dial in [*dials, Relatedness(first_scale=10.0)]:
        turned = dial.load()
        assert_array_equal(base.targets.iloc[:, 1:], turned.targets.iloc[:, 1:])
        assert not np.array_equal(base.targets["task 1"], turned.targets["task 1"])


def test_dials_do_what_they_say() -> None:
    base = Relatedness(rows=1000, noise=0.0).load().targets
    assert_allclose(base.std(), 1, atol=0.1)
    assert_allclose((Relatedness(rows=1000, noise=0.5).load().targets - base).std(), 0.5, atol=0.05)
    mirrored = Relatedness(rows=1000, noise=0.0, opposite=True).load().targets
    assert_array_equal(mirrored["task 2"], -mirrored["task 1"])
    assert_array_equal(mirrored["task 1"], base["task 1"])
    assert Relatedness(rows=1000, first_labels=0.05).load().targets["task 1"].notna().sum() == 50
    wild = Relatedness(rows=1000, noise=0.0, first_outliers=0.05).load().targets["task 1"] != base["task 1"]
    assert wild.sum() == 50
    assert_allclose(Relatedness(rows=1000, noise=0.0, first_scale=10.0).load().targets["task 1"], 10 * base["task 1"])


@pytest.mark.parametrize("source", [Relatedness(), Tutorial()])
def test_draws_are_fresh_rows_of_one_world(source: Source) -> None:
    first, second = source.draw(1), source.draw(2)
    assert not np.array_equal(first.features, second.features)
    assert first.fingerprint == source.draw(1).fingerprint
    assert source.load().fingerprint == source.draw(0).fingerprint


def test_two_draws_follow_the_same_function() -> None:
    first, second = Tutorial(noise=0.0).draw(1), Tutorial(noise=0.0).draw(2)
    weights = [
        np.linalg.lstsq(d.features.to_numpy(float), d.targets.to_numpy(float), rcond=None)[0] for d in (first, second)
    ]
    assert_allclose(weights[0], weights[1], atol=1e-5)
    assert_allclose(np.linalg.norm(weights[0], axis=0), 1, atol=1e-5)
    ratio = weights[0][:5, 1] / weights[0][:5, 0]
    assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_a_dial_out_of_range_is_refused_in_a_sentence() -> None:
    with pytest.raises(InvalidInput, match=r"Relatedness.relatedness must lie in \[0, 1\]; got 2"):
        Relatedness.from_settings({"relatedness": 2})


# --- descriptions -------------------------------------------------------------------------------------------
def test_tasks_are_described_in_numbers_that_others_computed() -> None:
    rows = describe(Penguins().load()).set_index("task")
    assert rows.loc["sex", "labels"] == 333
    assert rows.loc["body mass", "minimum"] == 2700
    assert rows.loc["body mass", "maximum"] == 6300
    assert_allclose(rows["missing"], [0, 11 / 344, 2 / 344])
    assert rows.loc["species", "classes"] == "Adelie 44%, Chinstrap 20%, Gentoo 36%"


def test_correlations_of_targets_agree_with_scipy() -> None:
    from scipy.stats import spearmanr
    from scipy.stats.contingency import association

    data = Penguins().load()
    measures, table = association_measures(data), target_correlations(data).to_numpy(float)  # species, sex, body mass
    both = data.targets[["sex", "body mass"]].dropna()
    assert_allclose(table[1, 2], spearmanr(both["sex"], both["body mass"]).statistic)
    both = data.targets[["species", "sex"]].dropna()
    crossed = pd.crosstab(both["species"], both["sex"]).to_numpy()
    assert_allclose(table[0, 1], association(crossed, method="cramer"))
    assert measures.loc["species", "body mass"] == "correlation ratio"
    assert 0.7 < table[0, 2] < 0.9
    assert_array_equal(table, table.T)
    assert_array_equal(np.diag(table), 1.0)


def test_a_pair_without_common_labels_has_no_correlation() -> None:
    data = Relatedness(tasks=2, rows=40).load()
    targets = data.targets.copy()
    targets.loc[:19, "task 1"] = np.nan
    targets.loc[20:, "task 2"] = np.nan
    apart = type(data)("t", "T", data.features, targets, data.tasks)
    assert np.isnan(target_correlations(apart).to_numpy(float)[0, 1])
