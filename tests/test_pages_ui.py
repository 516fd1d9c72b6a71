"""The kit of the pages: what people typed stays text, one meaning has one look, charts say what they show."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mtl_core.changes import Change
from mtl_core.data.synthetic import Relatedness
from mtl_core.data.table import CsvFile
from mtl_core.evaluation.report import sharing_titles
from mtl_core.experiment import Experiment, Plan, Training
from mtl_core.models.base import sharings
from mtl_core.models.hard import Hard
from mtl_core.optimisers import StochasticGradientDescent, optimisers
from mtl_core.registry import InvalidInput
from mtl_core.weighting.by_loss import Fixed
from pages.ui import addresses, arms, charts, charts_inside, charts_results, colours, forms, text
from pages.ui.live_chart import POINTS, decimate, sendable
from pages.ui.train_controls import task_values
from pages.ui.train_settings import departures

ROOT = Path(__file__).parent.parent
FIRST = addresses.first_experiment()

LIVELY = [
    "![](https://x/y.png)",
    "$x^2$",
    "**b** _i_ `c`",
    ":material/delete: :red[x] :smile:",
    "a -> b <- c -- d <-> e >= f",
    "# head",
    "\tcode",
    "[link](https://x)",
    "www.example.com a@b.cd https://example.com",
    "<img src=x>",
    "1. one",
]


# --- text ---------------------------------------------------------------------------------------------------------
def unescaped(shown: str) -> str:
    """What Markdown shows of escaped text: no backslash before punctuation, and joiners have no width."""
    return re.sub(r"\\([\W_])", r"\1", shown).replace(text.JOINER, "")


@pytest.mark.parametrize("lively", LIVELY)
def test_lively_text_loses_nothing_but_white_space(lively: str) -> None:
    assert unescaped(text.plain(lively)) == " ".join(lively.split())


@given(some.text(max_size=60))
def test_any_text_loses_nothing_but_what_cannot_be_seen(typed: str) -> None:
    visible = re.sub("[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2060]", "", typed)
    assert unescaped(text.plain(typed)).split() == visible.split()


@pytest.mark.parametrize("lively", LIVELY)
def test_no_construct_that_streamlit_recognises_is_left(lively: str) -> None:
    shown = text.plain(lively)
    assert not re.search(r"(?<!\\)[*_`$\[\]<>#!]", shown)
    assert not re.search(r":\w", shown)
    assert not re.search(r"https?://|www\.|\w@\w", shown)
    assert not re.search(r"(?:^|\s)\\?(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)", shown.replace("\\", ""))
    assert "\t" not in shown


def test_charts_show_html_and_templates_as_they_were_typed() -> None:
    assert text.chart_plain("<b>x</b> & %{y}") == f"&lt;b&gt;x&lt;/b&gt; &amp; %{text.JOINER}{{y}}"


@given(some.text(max_size=80), some.integers(3, 40))
def test_a_cut_name_is_never_longer_than_asked(name: str, length: int) -> None:
    assert len(text.cut(name, length)) <= length


def test_a_long_name_keeps_both_ends() -> None:
    assert text.cut("length of the left wing", 11) == "lengt… wing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (12.345, "12.3"),
        (1234.5, "1,230"),
        (999.6, "1,000"),
        (0.005, "0.005"),
        (1e-6, "1e-06"),
        (-2.5, "-2.5"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(14.2, "14 %"), (3.24, "3.2 %"), (-9.96, "−10 %"), (9.94, "9.9 %")])
def test_percentages_have_no_decimals_from_ten_up(value: float, shown: str) -> None:
    assert text.percent(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "under a second"), (4.4, "4 s"), (130, "2 min 10 s"), (3700, "1 h 1 min"), (None, "unknown time")],
)
def test_durations_read_as_one_says_them(seconds: float | None, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(("count", "shown"), [(950, "950"), (4930, "4.9k"), (141_000, "141k"), (2_300_000, "2.3M")])
def test_counts_are_short(count: int, shown: str) -> None:
    assert text.short(count) == shown


# --- colours ------------------------------------------------------------------------------------------------------
def test_a_task_looks_the_same_whichever_others_are_chosen() -> None:
    every = ("a", "b", "c")
    assert colours.task_looks(("c",), every) == (colours.task_look(2),)
    assert colours.task_looks(("b", "c"), every)[1] == colours.task_look(2)


def test_sixteen_tasks_differ_in_colour_or_marker() -> None:
    assert len({(look.colour, look.marker) for look in map(colours.task_look, range(16))}) == 16


# --- addresses ----------------------------------------------------------------------------------------------------
VARIED = [
    FIRST,
    replace(FIRST, tasks=("sex",), plan=Plan(folds=10, inits=3, equal_width=False)),
    replace(FIRST, weighting=Fixed(weights_of_tasks=(1.0, 2.5, 0.0))),
    replace(
        FIRST, sharings=tuple(sharings[name]() for name in sharings), optimiser=StochasticGradientDescent(momentum=0.5)
    ),
    Experiment(Relatedness(relatedness=0.25), ("task 1", "task 2"), training=Training(steps=7)),
]


@pytest.mark.parametrize("experiment", VARIED)
def test_an_address_carries_any_experiment(experiment: Experiment) -> None:
    assert addresses.parsed(addresses.compact(experiment)) == experiment
    assert len(addresses.compact(experiment)) < 1000


@pytest.mark.parametrize("spoiled", ["", "{", "[]", "null", '{"data": 3, "tasks": 1}', '{"data": "no", "tasks": []}'])
def test_a_spoiled_address_is_refused(spoiled: str) -> None:
    with pytest.raises(InvalidInput):
        addresses.parsed(spoiled)


def test_a_link_cannot_make_the_server_read_a_file_of_its_choice() -> None:
    table = Experiment(CsvFile(path="/etc/passwd"), ("a",))
    with pytest.raises(InvalidInput, match="a link cannot open a file"):
        addresses.parsed(addresses.compact(table))
    assert addresses.parsed(addresses.compact(table), known=table.data) == table


# --- forms --------------------------------------------------------------------------------------------------------
def test_a_logarithmic_slider_holds_the_value_the_default_and_only_what_is_allowed() -> None:
    item = next(each for each in optimisers["adam"].knobs() if each.name == "learning_rate")
    options = forms.log_options(item, 0.0123)
    assert options == sorted(set(options))
    assert {0.0123, item.default, 0.01} <= set(options)
    assert all(item.low <= option <= item.high for option in options if item.low and item.high)


def test_only_what_differs_from_the_default_is_named() -> None:
    assert forms.differences(Training()) == []
    assert forms.differences(Training(steps=1000)) == ["steps 1,000"]
    parts = {"trunk": FIRST.trunk, "sharings": FIRST.sharings, "optimiser": FIRST.optimiser}
    parts |= {"training": FIRST.training, "plan": Plan(folds=10, inits=3)}
    assert departures(parts) == "All at their defaults"
    assert departures({**parts, "training": Training(evaluate_every=25)}) == "All at their defaults"
    assert departures({**parts, "optimiser": optimisers["sgd"]()}) == "Not at their defaults: Gradient descent"


def test_weights_follow_their_task_when_the_choice_of_tasks_changes() -> None:
    method = Fixed(weights_of_tasks=(1.0, 2.0, 3.0))
    assert task_values(method, ("a", "b", "c"), ("c", "d")) == {"weights_of_tasks": [3.0, 1.0]}


# --- charts -------------------------------------------------------------------------------------------------------
def curve(points: int = 5, **facts: object) -> charts.Curve:
    steps = np.arange(points)
    frame = pd.DataFrame({"step": steps, "mean": 1.0 + steps, "low": 0.5 + steps, "high": 2.0 + steps})
    return charts.Curve(**{"key": "hard", "label": "<i>one</i>", "frame": frame, "together": True, **facts})  # type: ignore[arg-type]


def test_together_is_solid_and_thick_alone_dashed_and_thin_in_the_same_colour() -> None:
    panel = charts.Panel("a", colours.task_look(0), (curve(), curve(key="alone", together=False, dash="6px 4px")))
    lines = [trace["line"] for trace in charts.loss_curves([panel], "train").traces if trace["line"]["width"] > 1]
    in_panel = [line for line in lines if line["color"] == colours.task_look(0).colour]
    assert [(line["dash"], line["width"]) for line in in_panel] == [("solid", 2.5), ("6px 4px", 1.5)]


def test_a_curve_in_words_ends_with_its_last_number() -> None:
    figure = charts.loss_curves([charts.Panel("a", colours.task_look(0), (curve(),))], "validation")
    assert figure.alt == "Validation loss by step. a: <i>one</i> 5."


def test_names_reach_a_chart_escaped() -> None:
    panel = charts.Panel("<b>x</b>", colours.task_look(0), (curve(),))
    sent = json.dumps(sendable(charts.loss_curves([panel], "train").layout))
    assert "&lt;b&gt;x&lt;/b&gt;" in sent
    assert "<b>x</b>" not in sent


def test_a_ribbon_on_a_logarithmic_scale_stays_above_zero() -> None:
    frame = pd.DataFrame({"step": [0, 1], "mean": [1.0, 1.0], "low": [-1.0, 0.0], "high": [2.0, 2.0]})
    panel = charts.Panel("a", colours.task_look(0), (curve(frame=frame),))
    ribbon = next(t for t in charts.loss_curves([panel], "train", log=True).traces if t.get("fill"))
    assert min(ribbon["y"]) > 0


def test_a_logarithmic_axis_writes_its_numbers_out() -> None:
    short = pd.DataFrame({"step": [0, 1], "mean": [0.3, 1.5], "low": [0.2, 1.0], "high": [0.4, 2.0]})
    panel = charts.Panel("a", colours.task_look(0), (curve(frame=short),))
    assert charts.log_scale(panel)["ticktext"] == ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50"]
    long = pd.DataFrame({"step": [0, 1], "mean": [0.001, 1.5], "low": [0.0005, 1.0], "high": [0.002, 2.0]})
    panel = charts.Panel("a", colours.task_look(0), (curve(frame=long),))
    assert charts.log_scale(panel)["ticktext"] == ["0.0001", "0.001", "0.01", "0.1", "1", "10"]


def test_zoom_and_legend_survive_until_the_run_or_the_quantity_changes() -> None:
    panel = charts.Panel("a", colours.task_look(0), (curve(),))

    def view(quantity: str, run: str) -> str:
        return str(charts.loss_curves([panel], quantity, revision=run).layout["yaxis"]["uirevision"])

    assert view("train", "r") == view("train", "r")
    assert len({view("train", "r"), view("validation", "r"), view("train", "q")}) == 3


def test_a_run_without_points_still_has_charts() -> None:
    empty = pd.DataFrame({"step": [], "mean": [], "low": [], "high": []})
    panel = charts.Panel("a", colours.task_look(0), (curve(frame=empty),))
    assert "no points yet" in charts.loss_curves([panel], "train").alt
    pairs = pd.DataFrame({"step": [], "a": [], "b": [], "mean": []})
    assert "No points yet" in charts_inside.cosine_strip(pairs, ("a", "b")).alt
    weights = pd.DataFrame({"step": [], "task": [], "mean": []})
    looks = [colours.task_look(0)]
    assert "no points yet" in charts_inside.weights_over_time(weights, ("a",), looks).alt


def test_the_cosine_strip_puts_each_pair_on_its_row() -> None:
    frame = pd.DataFrame({"step": [0, 0, 0], "a": [0, 0, 1], "b": [1, 2, 2], "mean": [0.1, 0.2, 0.3]})
    trace = charts_inside.cosine_strip(frame, ("x", "y", "z")).traces[0]
    assert trace["y"] == ["x · y", "x · z", "y · z"]
    assert trace["z"].tolist() == [[0.1], [0.2], [0.3]]


def shown(name: str, values: list[list[float]]) -> pd.DataFrame:
    cells = [(name, r, c, value) for r, row in enumerate(values) for c, value in enumerate(row)]
    return pd.DataFrame(cells, columns=["name", "row", "column", "mean"])


def test_the_map_of_stitches_names_tasks_and_layers() -> None:
    frame = pd.concat([shown("stitch.0", [[0.9, 0.1], [-0.2, 0.8]]), shown("stitch.1", [[0.7, 0.3], [0.5, 0.5]])])
    figure = charts_inside.inside_map(frame, ("x", "y"))
    assert figure.traces[0]["z"].tolist() == [[0.9, 0.1, 0.7, 0.3], [-0.2, 0.8, 0.5, 0.5]]
    assert figure.layout["xaxis"]["ticktext"] == ["x, layer 1", "y, layer 1", "x, layer 2", "y, layer 2"]
    assert "y from x, layer 1 -0.20" in figure.alt


def test_the_map_of_gates_tells_own_experts_from_common_ones() -> None:
    figure = charts_inside.inside_map(shown("gates", [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), ("x", "<b>y</b>"), 1)
    assert figure.layout["xaxis"]["ticktext"] == ["expert 1", "expert 2", "own 1"]
    assert "<b>" not in figure.layout["yaxis"]["ticktext"][1]
    common = charts_inside.inside_map(shown("gates", [[0.4, 0.6]]), ("x", "y"))
    assert common.layout["yaxis"]["ticktext"] == ["every task"]
    parts = charts_inside.inside_map(shown("stitch.0", np.eye(4).tolist()), ("x", "y"))
    assert parts.layout["yaxis"]["ticktext"] == ["x (1)", "x (2)", "y (1)", "y (2)"]


def test_a_map_without_cells_says_so() -> None:
    assert "No points yet" in charts_inside.inside_map(shown("gates", []), ("x", "y")).alt


def test_gains_have_the_colour_and_the_word_of_their_verdict() -> None:
    gain = charts_results.Gain("sex", 14.0, 9.0, 19.0, "helps")
    figure = charts_results.gain_dots([gain])
    assert figure.traces[-1]["marker"]["color"] == colours.BLUE
    assert "helps, +14 % (+9 to +19)" in figure.alt
    low, high = figure.layout["xaxis"]["range"]
    assert low == -high
    assert high > 19


def test_correlations_show_every_pair_once() -> None:
    figure = charts_results.correlation_map(np.array([[1.0, 0.5], [0.5, 1.0]]), ("a", "b"))
    assert np.isnan(figure.traces[0]["z"][0, 1])
    assert figure.alt == "Correlations of the targets. a and b 0.50."


@given(some.integers(1, 5000))
def test_a_decimated_curve_keeps_its_ends(points: int) -> None:
    kept = decimate(pd.DataFrame({"step": range(points)}))["step"].tolist()
    assert len(kept) <= POINTS
    assert (kept[0], kept[-1]) == (0, points - 1)


def test_what_is_sent_is_plain_json() -> None:
    value = {"a": np.array([1.0, np.nan]), "b": pd.Series([1, 2]), "c": (np.float32(0.1), math.inf, "x", None, True)}
    assert json.loads(json.dumps(sendable(value), allow_nan=False)) == {
        "a": [1.0, None],
        "b": [1, 2],
        "c": [0.1, None, "x", None, True],
    }


# --- arms ---------------------------------------------------------------------------------------------------------
def test_turned_knobs_are_told_in_words() -> None:
    weighting = Fixed()
    turned = replace(FIRST, weighting=weighting, tasks=("species", "sex"))
    turned = turned.changed(Change(40, "weighting", "weights_of_tasks", [1.0, 2.0]))
    turned = turned.changed(Change(80, "optimiser", "learning_rate", 0.001))
    turned = turned.changed(Change(90, "weighting", "weights_of_tasks", []))
    assert [(mark.step, mark.label) for mark in arms.marks(turned)] == [
        (40, "weight of sex 1 → 2"),
        (80, "learning rate 0.005 → 0.001"),
        (90, "weight of sex 2 → 1"),
    ]


def test_sharing_types_that_run_twice_are_numbered() -> None:
    twice = replace(FIRST, sharings=(Hard(), Hard(private_layers=1)))
    assert list(sharing_titles(twice).values()) == ["One trunk for all 1", "One trunk for all 2"]


# --- the process --------------------------------------------------------------------------------------------------
def test_the_web_process_does_not_load_torch() -> None:
    """Torch costs 340 MB and makes every collection of garbage ten times slower."""
    imports = (
        "import pages.ui.train_view, pages.ui.train_bar, pages.ui.train_controls, pages.ui.look, mtl_core.api, sys"
    )
    look = f"{imports}; mtl_core.api.Lab; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
