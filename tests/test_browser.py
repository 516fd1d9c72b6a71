"""The main road in a real browser: upload, train, turn a weight, pause, resume, reload, verdict, compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from benchmarks.page import RUN
from mtl_core.api import Lab
from mtl_core.store.records import RunRecord
from pages.ui.session import ECHO_SECONDS

PATIENCE = 60_000
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(home: Path, address: str) -> Lab:
    return Lab(f"sqlite:///{home / 'runs.sqlite'}")


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)


def table() -> bytes:
    """Two tasks that hang together, four features, a name that means something to Markdown."""
    random = np.random.default_rng(0)
    inputs = random.standard_normal((240, 4))
    hidden = np.tanh(inputs @ random.standard_normal((4, 2)))
    frame = pd.DataFrame(inputs.round(3), columns=["age", "größe", "x3", "x4"])
    frame["price **$**"] = (hidden[:, 0] * 40 + 100).round(2)
    frame["good"] = np.where(hidden[:, 0] + hidden[:, 1] > 0, "yes", "no")
    return frame.to_csv(index=False).encode()


def points(page: Page) -> int:
    """Points on the longest curve of the loss charts."""
    found = page.locator('[data-testid="live-chart"][data-points]').first.get_attribute("data-points")
    return int(found or 0)


def mine(lab: Lab) -> RunRecord:
    """The newest run that this test handed in."""
    return lab.runs()[0]


@pytest.fixture(autouse=True)
def picture_of_a_failure(request: pytest.FixtureRequest, page: Page, home: Path) -> Iterator[None]:
    """Leaves what the browser showed last beside the test's other files."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        page.screenshot(path=home / f"{request.node.name[:40]}.png")


def no_trouble(page: Page) -> None:
    expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.get_by_text("could not be shown")).to_have_count(0)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_the_main_road(page: Page, address: str, lab: Lab) -> None:
    page.goto(f"{address}/data")
    page.get_by_text("My table", exact=True).click()
    page.locator("input[type=file]").set_input_files({"name": "shop.csv", "mimeType": "text/csv", "buffer": table()})
    expect(page.get_by_text("240 rows, 6 columns")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Train with this").click()

    page.get_by_text("Training settings").click()
    page.get_by_role("tab", name="Training").click()
    page.get_by_role("slider", name="Steps").press("End")
    expect(page.get_by_text("steps 5", exact=False).first).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Escape")
    page.locator(RUN).click()
    until(lambda: mine(lab).status == "running")
    run = mine(lab).id
    until(lambda: points(page) > 2)
    assert {task.name for task in mine(lab).tasks} == {"price **$**", "good"}
    no_trouble(page)

    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    until(lambda: lab.run(run).experiment.changes)
    change = lab.run(run).experiment.changes[-1]
    assert (change.part, change.knob) == ("weighting", "weights_of_tasks")
    assert change.value != [1.0, 1.0]
    until(lambda: max(lab.run(run).experiment.changes[-1].value or [1.0]) > 1.2)

    page.get_by_role("button", name="Pause").click()
    until(lambda: lab.run(run).status == "paused")
    step = lab.run(run).step
    time.sleep(1)
    assert lab.run(run).step == step

    page.reload()
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=PATIENCE)
    until(lambda: points(page) > 2)
    page.get_by_role("button", name="Resume").click()
    until(lambda: lab.run(run).step > step)

    page.get_by_role("button", name="Stop").click()
    until(lambda: lab.run(run).status == "stopped")
    expect(page.get_by_text("Does sharing help?")).to_be_visible(timeout=PATIENCE)


def test_a_run_ends_with_a_verdict_and_can_be_compared(page: Page, address: str, lab: Lab) -> None:
    example = next(run for run in lab.runs() if run.data_title == "Penguins")
    page.goto(f"{address}/train?run={example.id}")
    page.get_by_text("Quick look", exact=True).click()
    expect(page.get_by_text("35 networks", exact=False).first).to_be_visible(timeout=PATIENCE)
    page.locator(RUN).click()
    until(lambda: mine(lab).data_title == "Penguins" and mine(lab).id != example.id and mine(lab).has_ended, 120)
    assert mine(lab).status == "finished"
    comparison = lab.comparison(mine(lab).id)
    assert {verdict.task for verdict in comparison.verdicts} == {"species", "sex", "body mass"}
    assert {verdict.baseline for verdict in comparison.verdicts} == {"equal_width", "equal_parameters"}
    expect(page.get_by_text("Provisionally", exact=False).first).to_be_visible(timeout=PATIENCE)

    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("How much does sharing gain?")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("First example: penguins").first).to_be_visible(timeout=PATIENCE)
    no_trouble(page)


def test_the_door_for_a_table_opens_the_shelf_for_it(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Upload a table").click()
    expect(page.get_by_text("one row for each example", exact=False).first).to_be_visible(timeout=PATIENCE)
    no_trouble(page)


def test_a_method_is_found_by_its_author_and_tried(page: Page, address: str) -> None:
    page.goto(f"{address}/reference")
    page.get_by_placeholder("Find a method").fill("Kendall")
    expect(page.get_by_text("uncertainty weighting").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Try it").first.click()
    expect(page.get_by_text("Noisy tasks count less").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator(RUN)).to_be_visible(timeout=PATIENCE)
    no_trouble(page)


def test_quick_presses_on_a_slider_all_count(page: Page, address: str) -> None:
    page.goto(f"{address}/train")
    slider = page.get_by_role("slider", name="sex")
    expect(slider).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1000 * (ECHO_SECONDS + 1))  # what the page wrote into the address when it opened is no news
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight", delay=10)
    expect(page.get_by_text("Changed since then: loss weights")).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(2000)
    expect(slider).to_have_js_property("value", "2.2")


@pytest.mark.parametrize("place", ["", "data", "train", "compare", "learn", "adapt", "runs", "reference"])
def test_no_page_is_empty_or_broken_on_a_phone(page: Page, address: str, place: str) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/{place}")
    expect(page.locator("h1, h2, h3, h4, button").first).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1500)
    assert len(page.locator('[data-testid="stMain"]').inner_text()) > 100
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1
    no_trouble(page)
    assert problems == []
