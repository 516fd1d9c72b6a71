"""The layers of the house: who may import whom, and what the web process must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"lazy", "registry", "settings", "draws", "scales", "devices"}),
    frozenset({"tasks", "events", "changes"}),
    frozenset({"data", "models", "weighting", "metrics", "optimisers"}),
    frozenset({"experiment"}),
    frozenset({"training", "evaluation"}),
    frozenset({"meta"}),
    frozenset({"store"}),
    frozenset({"running", "lessons"}),
    frozenset({"api", "cli", "probing"}),
)
"""A package may import from lower layers and from itself; names in one row are neighbours that never meet."""
NEIGHBOURS_THAT_MEET = {
    ("cli", "api"),
    ("cli", "probing"),
    ("probing", "api"),
    ("tasks", "events"),
    ("registry", "lazy"),
    ("draws", "lazy"),
    ("devices", "lazy"),
    ("devices", "registry"),
    ("settings", "registry"),
}
FILES = sorted((ROOT / "mtl_core").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "mtl_core").parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """First word behind `mtl_core.` of every import, also of those inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [
                f"{node.module}.{alias.name}" if node.module == "mtl_core" else node.module or ""
                for alias in node.names
            ]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("mtl_core.")}
    return found - {"__version__"}


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_from_lower_layers_or_its_own_folder_only(path: Path) -> None:
    mine = room(path)
    if mine == "__init__":
        return
    for other in imported(path) - {mine}:
        allowed = level(other) < level(mine) or (mine, other) in NEIGHBOURS_THAT_MEET
        assert allowed, f"{path.relative_to(ROOT)} imports mtl_core.{other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_does_not_know_the_screen(path: Path) -> None:
    roots = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "") or ""]
        )
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not roots & {"streamlit", "plotly"}


def test_describing_methods_and_serving_pages_does_not_load_torch() -> None:
    modules = ["mtl_core.api", "mtl_core.cli", "mtl_core.models", "mtl_core.weighting", "mtl_core.data"]
    modules += [f"pages.ui.{path.stem}" for path in (ROOT / "pages" / "ui").glob("*.py") if path.stem != "__init__"]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules!r}]; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr or "torch was loaded"


def test_no_file_outgrows_a_short_walk() -> None:
    files = [*FILES, *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    long = {
        str(path.relative_to(ROOT)): n for path in files if (n := path.read_text(encoding="utf-8").count("\n")) > 400
    }
    assert not long
