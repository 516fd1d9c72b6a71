"""Puts the results of `python -m benchmarks` into docs/performance.md and docs/data.md and draws docs/growth.png."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
DOCUMENT = ROOT / "docs" / "performance.md"
DOCUMENTS = (DOCUMENT, ROOT / "docs" / "data.md")
PLOT = ROOT / "docs" / "growth.png"
BEGIN, END = "<!-- {name}: begin -->\n", "<!-- {name}: end -->"


def tables() -> dict[str, str]:
    """A Markdown table for each benchmark that has been run."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {name: _table(part) for name, part in results.items()}


def filled(text: str) -> str:
    """The document's text with every table brought up to date."""
    for name, table in tables().items():
        if BEGIN.format(name=name) in text:
            text = replaced(text, name, table)
    return text


def replaced(text: str, name: str, table: str) -> str:
    """The document's text with the table of this name in the place of its old one."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    head, rest = text.split(begin, 1)
    return head + begin + table + end + rest.split(end, 1)[1]


def write() -> None:
    for document in DOCUMENTS:
        document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    if "growth" in results:
        draw(results["growth"]["rows"])


def draw(rows: list[dict[str, Any]]) -> None:
    """Three curves of growth as a picture."""
    panels = {
        "networks": "one network-step (µs)",
        "tasks": "one step of 5 networks (ms)",
        "rows": "one step of 5 networks (ms)",
    }
    figure = make_subplots(1, 3, subplot_titles=[f"{name}: {what}" for name, what in panels.items()])
    for column, name in enumerate(panels, 1):
        mine = [row for row in rows if row["unit"] != "ratio" and row["name"].split()[1].strip(":,") == name]
        x = [int(row["name"].split(" ")[0].replace(",", "")) for row in mine]
        figure.add_scatter(
            x=x, y=[row["value"] for row in mine], mode="lines+markers", row=1, col=column, line_color="#0072B2"
        )
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log")
    figure.update_layout(template="simple_white", showlegend=False, width=1080, height=320, margin={"t": 40, "b": 40})
    photograph(figure, PLOT, (1100, 340))


def photograph(figure: Any, path: Path, size: tuple[int, int]) -> None:
    """A figure as a picture, drawn by the browser that the tests use. size: width and height in pixels."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_content(figure.to_html(include_plotlyjs=True))
        page.wait_for_selector(".plotly .main-svg")
        page.screenshot(path=path)
        browser.close()


def _table(part: dict[str, Any]) -> str:
    lines = [f"{_machine(part['machine'])}\n", "| what | value | limit | |", "| --- | --- | --- | --- |"]
    for row in part["rows"]:
        kept = {None: "", True: "kept", False: "**missed**"}[row["ok"]]
        lines.append(f"| {row['name']} | {_figure(row['value'], row['unit'])} | {_limit(row)} | {kept} |")
    return "\n".join(lines) + "\n"


def _machine(facts: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items())


def _limit(row: dict[str, Any]) -> str:
    return "" if row["limit"] is None else f"at most {_figure(row['limit'], row['unit'])}"


def _figure(value: float, unit: str) -> str:
    if unit == "ratio":
        return f"1/{1 / value:.3g}" if 0 < value < 0.3 else f"{value:.3g}x"
    return f"{value:.3g} {unit}"
