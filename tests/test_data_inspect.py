"""`mtl-lab inspect`: what the Data page would propose, as one JSON object or in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mtl_core.cli import inspect as inspecting
from mtl_core.cli.commands import app
from mtl_core.data.recipe import Recipe
from mtl_core.data.saved import SavedRecipe
from mtl_core.data.table import CsvFile
from mtl_core.registry import InvalidInput

ROWS = 60


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Semicolons, decimal commas, Chinese names in GB18030, an id, a code for missing, a target given away."""
    y = np.random.default_rng(0).normal(size=ROWS)
    x = [-999.0 if i % 20 == 0 else value for i, value in enumerate(np.random.default_rng(1).normal(size=ROWS))]
    lines = ["患者编号;[red]x[/red];体重;成绩_label"]
    lines += [f"{i};{x[i]:.4f};{2 * y[i]:.6f};{y[i]:.6f}".replace(".", ",") for i in range(ROWS)]
    path = tmp_path / "t.csv"
    path.write_bytes("\r\n".join(lines).encode("gb18030"))
    return path


def test_everything_that_is_proposed_is_told(table: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(table), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["encoding"], told["delimiter"], told["decimal"], told["rows"]) == ("gb18030", ";", ",", ROWS)
    columns = {column["name"]: column for column in told["columns"]}
    assert columns["患者编号"]["role"] == "ignore"
    assert columns["成绩_label"]["role"] == "task"
    assert all(column["reason"] and 0 <= column["missing"] <= 1 for column in told["columns"])
    found = {finding["code"]: finding for finding in told["findings"]}
    assert set(found) == {"leak-copy", "sentinel"}
    assert found["leak-copy"]["columns"] == ["体重", "成绩_label"]
    fixed = Recipe.from_text(json.dumps(found["leak-copy"]["recipe"]))
    assert "体重" not in fixed.features
    assert CsvFile(str(table), fixed.to_text()).load().n_rows == ROWS


def test_fixes_are_taken_by_their_codes_and_saved(table: Path, tmp_path: Path) -> None:
    saving = ["inspect", str(table), "--json", "--fix", "sentinel", "--fix", "leak-copy"]
    result = CliRunner().invoke(app, [*saving, "--save-recipe", str(tmp_path / "r.json")])
    told = json.loads(result.stdout)
    assert told["findings"] == []
    columns = {column["name"]: column for column in told["columns"]}
    assert columns["体重"]["role"] == "ignore"
    assert columns["[red]x[/red]"]["missing"] == pytest.approx(3 / ROWS)
    recipe = SavedRecipe.from_text((tmp_path / "r.json").read_text("utf-8")).recipe
    assert recipe == Recipe.from_json(told["recipe"])
    assert recipe.missing
    data = CsvFile(str(table), recipe.to_text()).load()
    assert data.features["[red]x[/red]"].isna().sum() == 3
    refused = CliRunner().invoke(app, ["inspect", str(table), "--fix", "box"])
    assert "nothing to fix by 'box'" in str(refused.exception)


def test_names_are_shown_letter_for_letter(table: Path) -> None:
    shown = CliRunner().invoke(app, ["inspect", str(table)]).stdout
    assert "[red]x[/red]" in shown
    assert "[leak-copy]" in shown


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.pdf").write_bytes(b"%PDF-1.7")
    for name, reason in (("t.pdf", "a PDF document"), ("nowhere.csv", "there is no file")):
        result = CliRunner().invoke(app, ["inspect", str(tmp_path / name)])
        assert isinstance(result.exception, InvalidInput)
        assert reason in str(result.exception)


def test_what_training_would_refuse_is_said_before(tmp_path: Path) -> None:
    one, wild = tmp_path / "one.csv", tmp_path / "wild.csv"
    one.write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    wild.write_text(
        "a,b,c\n" + "".join(f"{i},{i % 7},{i * 1.5}\n" for i in range(20)) + "1e300,1,2\n", encoding="utf-8"
    )
    assert "has 1 row" in inspecting.told(one)["refused"]
    assert "1e+300" in inspecting.told(wild)["refused"]
