"""A whole run becomes verdicts, costs and warnings; the same through the real engine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mtl_core.changes import Change
from mtl_core.data.cuts import SAME_TEST
from mtl_core.data.synthetic import Relatedness
from mtl_core.evaluation.compare import Comparison, compare
from mtl_core.evaluation.history import History
from mtl_core.evaluation.judge import Setting, judge
from mtl_core.events import Progress, UnitFinished
from mtl_core.experiment import Experiment, Plan, Training, shape_for
from mtl_core.models.base import Shape, Trunk, sharings
from mtl_core.models.hard import Hard
from mtl_core.tasks import TaskSpec
from pages.ui.verdict_view import in_a_sentence

Doubles = NDArray[np.float64]

TASKS = tuple(TaskSpec(f"task {t + 1}", "regression") for t in range(3))


def errors(seed: int, spread: float = 0.1) -> Doubles:
    drawn = np.random.default_rng(seed).normal(0, spread, (10, 3, 3))
    return 0.5 * np.exp(drawn)


EXPERIMENT = Experiment(Relatedness(tasks=3), tuple(task.name for task in TASKS), plan=Plan(folds=10, inits=3))
SHAPE = Shape(20, (1, 1, 1), Trunk())


def recorded(by_arm: dict[str, Doubles], experiment: Experiment = EXPERIMENT, **flags: set[int]) -> History:
    """A finished run with these test errors [folds, inits, T]; flags["diverged"]: positions in the first stack."""
    history = History(experiment, TASKS, SHAPE)
    for unit in history.units:
        found = np.full((len(unit.replicas), len(TASKS)), np.nan, np.float32)
        for i, replica in enumerate(unit.replicas):
            for task in replica.tasks:
                found[i, task] = by_arm[replica.arm][replica.fold, replica.init, task]
        gone = np.isin(np.arange(len(found)), list(flags.get("diverged", ()))) & (unit.index == 0)
        facts: dict[str, Any] = dict.fromkeys(("train", "validation", "validation_error", "test_error"), found)
        step = np.zeros(found.shape, np.int64)
        point = Progress(unit=unit.index, step=400, weights=found, best_step=step, stopped=gone, diverged=gone,
                         seconds=2.0, **facts)  # fmt: skip
        history.add([point, UnitFinished(unit.index, 400, {"rrmse": found}, 1, 1e-6)])
    return history


def arms_of(history: History) -> dict[str, str]:
    return {kind: history.experiment.baseline("hard", kind, SHAPE) for kind in ("equal_width", "equal_parameters")}


TWINS = arms_of(History(EXPERIMENT, TASKS, SHAPE))


def race(width: float, size: float) -> dict[str, Doubles]:
    """Errors together are these factors of the errors alone at equal width and at equal parameters."""
    together = errors(0, spread=0.02)
    jitter = errors(1, spread=0.02) / 0.5
    return {
        "hard": together,
        TWINS["equal_width"]: together / width * jitter,
        TWINS["equal_parameters"]: together / size * jitter,
    }


def test_every_sharing_type_is_judged_against_both_baselines_task_by_task() -> None:
    result = compare(recorded(race(0.8, 0.9)))
    assert [(v.baseline, v.task) for v in result.verdicts] == [
        (kind, task.name) for kind in ("equal_width", "equal_parameters") for task in TASKS
    ]
    assert {v.verdict for v in result.verdicts} == {"helps"}
    assert not result.provisional
    assert result.delta_m("hard", "equal_width") == pytest.approx(20, abs=1)
    assert result.ranks["hard"] == 1.0
    assert result.sentence("hard", "equal_width").startswith("Sharing helps task 1 (error ")


def test_many_tasks_are_counted_in_the_sentence_and_few_are_told_with_their_numbers() -> None:
    result = compare(recorded(race(0.8, 0.9)))
    assert in_a_sentence(result, "hard", "equal_width") == result.sentence("hard", "equal_width")
    width = result.of("hard", "equal_width")
    many = replace(result, verdicts=tuple(replace(width[0], task=f"shop {i}") for i in range(12)))
    assert in_a_sentence(many, "hard", "equal_width") == "Sharing helps all 12 tasks."
    warned = replace(many, failures={"hard": "Nothing was learned together."})
    assert in_a_sentence(warned, "hard", "equal_width") == "Nothing was learned together. Sharing helps all 12 tasks."


def test_harm_that_only_the_wider_baseline_shows_is_named_a_matter_of_size() -> None:
    result = compare(recorded(race(1.3, 1.0)))
    assert len(result.notes) == 3
    assert "sharing looks harmful only because the shared trunk is smaller" in result.notes[0]
    assert "there is no clear difference" in result.notes[0]


def test_a_wide_interval_around_the_other_baseline_is_no_matter_of_size() -> None:
    by_arm = race(0.8, 0.95)
    by_arm[TWINS["equal_parameters"]] *= np.exp(0.5 * (-1.0) ** np.arange(10))[:, None, None]
    result = compare(recorded(by_arm))
    assert {v.verdict for v in result.verdicts if v.baseline == "equal_parameters"} == {"no clear difference"}
    assert all("the two baselines disagree" in note for note in result.notes)
    assert result.notes


def test_baselines_that_agree_need_no_sentence() -> None:
    assert compare(recorded(race(0.8, 0.8))).notes == ()


def test_where_all_folds_test_on_the_same_rows_the_verdict_says_so() -> None:
    data = Relatedness(tasks=3, rows=60).load()
    parts = replace(data, split="column", places=np.arange(60.0) % 2, parts=("test", "train"))
    assert compare(recorded(race(0.8, 0.8)), parts).notes == (SAME_TEST,)
    folds = replace(parts, parts=("1", "2"))
    assert compare(recorded(race(0.8, 0.8)), folds).notes == compare(recorded(race(0.8, 0.8)), data).notes == ()


def test_a_task_that_nobody_predicts_is_named() -> None:
    by_arm = race(0.9, 0.9)
    for each in by_arm.values():
        each[..., 1] *= 3
    assert compare(recorded(by_arm)).notes == (
        "No better than a constant, alone or together: task 2; a gain there says little.",
    )


def test_diverged_networks_are_named_and_their_pairs_left_out() -> None:
    result = compare(recorded(race(0.8, 0.8), diverged={0}))
    assert "1 network of One trunk for all (hard sharing) diverged" in result.notes[0]
    assert "fold 1, initialisation 1, step 400" in result.notes[0]
    assert {v.excluded for v in result.verdicts} == {1}


def test_a_way_of_learning_that_failed_as_a_whole_is_said_first() -> None:
    by_arm = race(0.9, 0.9)
    by_arm["hard"] = by_arm["hard"] * 3
    first = compare(recorded(by_arm)).notes[0]
    assert first.startswith("Nothing was learned by “One trunk for all (hard sharing)”: no task is predicted better")
    few = replace(EXPERIMENT, plan=Plan(folds=2, inits=1))
    replicas = History(few, TASKS, SHAPE).units[0].replicas
    hard = {i for i, replica in enumerate(replicas) if replica.arm == "hard"}
    assert len(hard) == 2
    gone = compare(recorded(race(0.9, 0.9), few, diverged=hard)).notes
    assert gone[0].startswith("Every network diverged of “One trunk for all (hard sharing)”: there is nothing")
    assert len(gone) == 1
    said = compare(recorded(race(0.9, 0.9), few, diverged=hard)).failures
    assert said["hard"].startswith("Every network together diverged: ")


def test_a_verdict_begins_with_the_side_on_which_nothing_was_learned() -> None:
    fair, twins = race(0.9, 0.9), set(TWINS.values())
    assert compare(recorded(fair)).failures == {}
    for failed, sides in (({"hard"}, "together"), (twins, "alone"), ({"hard", *twins}, "together or alone")):
        result = compare(recorded({arm: found * 3 if arm in failed else found for arm, found in fair.items()}))
        said = f"Nothing was learned {sides}: what follows says nothing about sharing."
        assert result.failures == {"hard": said}
        assert result.sentence("hard", "equal_width").startswith(f"{said} Sharing ")
    vain = recorded({arm: found * 3 for arm, found in fair.items()})
    said = compare(vain, finished=False).failures["hard"]
    assert said.startswith("Nothing has been learned together or alone so far")


def test_nothing_is_said_about_sharing_before_a_tenth_of_the_steps() -> None:
    def at(step: int) -> Comparison:
        history = History(EXPERIMENT, TASKS, SHAPE)
        for unit in history.units:
            numbers = np.full((len(unit.replicas), 3), 0.5, np.float32)
            flags = np.zeros(len(unit.replicas), bool)
            names = ("train", "validation", "validation_error", "test_error", "weights")
            facts: dict[str, Any] = dict.fromkeys(names, numbers)
            history.add([Progress(unit.index, step, best_step=np.zeros(numbers.shape, np.int64), stopped=flags,
                                  diverged=flags, seconds=1.0, **facts)])  # fmt: skip
        return compare(history, finished=False)

    begun, later = at(39), at(40)
    assert (begun.too_early, later.too_early) == (True, False)
    assert begun.notes == (begun.sentence("hard", "equal_width"),) == ("It is too early to say whether sharing helps.",)
    assert begun.ranks == {}
    assert "provisionally" in later.sentence("hard", "equal_width").lower()
    assert Comparison.from_json(begun.to_json()) == begun


def test_a_verdict_on_a_run_with_turned_knobs_says_so() -> None:
    turned = tuple(Change(step, "optimiser", "learning_rate", 0.01) for step in (208, 30))
    notes = compare(recorded(race(0.8, 0.8), replace(EXPERIMENT, changes=turned))).notes
    assert notes == ("Settings were changed on the way, at steps 30 and 208: the verdict is about the run as it went.",)


def test_costs_count_what_must_be_kept_and_what_was_trained() -> None:
    costs = {cost.arm: cost for cost in compare(recorded(race(0.8, 0.8))).costs}
    one = (20 * 32 + 32) + (32 * 32 + 32) + (32 + 1)
    assert costs["hard"].parameters == one + 2 * 33
    assert costs[TWINS["equal_width"]].parameters == 3 * one
    assert costs[TWINS["equal_parameters"]].parameters == pytest.approx(costs["hard"].parameters, rel=0.05)
    assert (costs["hard"].networks, costs[TWINS["equal_width"]].networks) == (30, 90)
    assert costs["hard"].title == "One trunk for all (hard sharing)"
    assert costs[TWINS["equal_width"]].title == "Alone, width 32"


def test_a_comparison_survives_json() -> None:
    result = compare(recorded(race(0.8, 1.2)))
    assert Comparison.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result


def test_two_networks_of_one_type_keep_their_number_in_the_title() -> None:
    both = replace(EXPERIMENT, sharings=(Hard(), Hard(private_layers=1)))
    by_arm = {arm.key: errors(2) for arm in History(both, TASKS, SHAPE).arms}
    titles = [cost.title for cost in compare(recorded(by_arm, both)).costs if cost.together]
    assert titles == ["One trunk for all (hard sharing) 1", "One trunk for all (hard sharing) 2"]


def test_without_a_baseline_there_is_a_reason_instead_of_a_verdict() -> None:
    bare = replace(EXPERIMENT, plan=Plan(folds=10, inits=3, equal_width=False, equal_parameters=False))
    result = compare(recorded({"hard": errors(0)}, bare))
    assert result.verdicts == ()
    assert result.sentence("hard", "equal_width") == ""
    assert "switch on a baseline" in result.notes[0]


# --- through the real engine -----------------------------------------------------------------------------------------
def trained(experiment: Experiment) -> History:
    from mtl_core.training.engine import advance, prepared_for

    dataset = experiment.data.load()
    shape, prepared = shape_for(experiment, dataset), prepared_for(experiment, dataset)
    tasks = dataset.choose(experiment.tasks).tasks
    history = History(experiment, tasks, shape)
    for unit in history.units:
        history.add(advance(experiment, unit, prepared, tasks, None).events)
    return history


SMALL = Experiment(
    Relatedness(tasks=2, rows=80, inputs=4),
    ("task 1", "task 2"),
    trunk=Trunk(width=8, depth=1),
    training=Training(steps=60, evaluate_every=20),
    plan=Plan(folds=10, inits=3, equal_parameters=False),
)


def test_independent_networks_in_the_race_are_the_networks_alone() -> None:
    result = compare(trained(replace(SMALL, sharings=(sharings["independent"](),))))
    assert {each.verdict for each in result.verdicts} == {"no clear difference"}
    assert [each.gain for each in result.verdicts] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert not result.provisional


def test_networks_alone_from_other_starts_make_no_clear_difference() -> None:
    history = trained(replace(SMALL, plan=replace(SMALL.plan, inits=6)))
    both = history.test_errors("alone:8")
    setting = Setting("alone:8", "equal_width", "alone:8", history.tasks, (1.0, 1.0))
    assert {each.verdict for each in judge(both[:, :3], both[:, 3:], setting)} == {"no clear difference"}
