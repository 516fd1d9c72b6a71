"""New tasks in a real browser: run, watch, turn a knob, pause, step, reload, resume, stop; and the run in the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mtl_core.api import Lab, Record
from tests.test_browser import PATIENCE, no_trouble, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUN = ".st-key-meta-run button"


def test_a_comparison_of_learners_from_the_first_click_to_the_list_of_runs(
    page: Page, address: str, home: Path
) -> None:
    lab = Lab(f"sqlite:///{home / 'runs.sqlite'}")
    page.goto(f"{address}/adapt")
    expect(page.get_by_text("A finished example")).to_be_visible(timeout=PATIENCE)
    page.locator(RUN).click()
    until(lambda: lab.records()[0].experiment.kind == "adaptation")
    run = lab.records()[0].id

    def now() -> Record:
        return lab.record(run)

    expect(page).to_have_url(re.compile(rf"{address}/adapt\?(.*&)?adaptation={run}\b"), timeout=PATIENCE)
    expect(page.locator('[data-chart="meta-losses"][data-points]')).to_be_visible(timeout=PATIENCE)
    expect(page.locator('[data-chart="meta-steps"][data-points]')).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Provisionally", exact=False).first).to_be_visible(timeout=PATIENCE)

    rate = page.get_by_role("slider", name="Learning rate")
    rate.focus()
    rate.press("ArrowRight")
    until(lambda: len(now().experiment.changes) == 1)
    (turned,) = now().experiment.changes
    assert (turned.part, turned.knob, turned.value) == ("budget", "learning_rate", 0.002)
    expect(page.get_by_text(f"1: at meta-step {turned.step}, learning rate 0.001 → 0.002")).to_be_visible(
        timeout=PATIENCE
    )

    page.get_by_role("button", name="Pause").click()
    until(lambda: now().status == "paused")
    before = now().step
    page.get_by_role("button", name="Step Shortcut S", exact=True).click()
    until(lambda: now().status == "paused" and now().step > before)
    step = now().step
    assert step % 20 == 0
    expect(page.get_by_text(f"Paused at meta-step {step} of 500")).to_be_visible(timeout=PATIENCE)
    page.reload()
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=PATIENCE)
    assert now().step == step
    page.get_by_role("button", name="Resume").click()
    until(lambda: now().step > step)
    page.get_by_role("button", name="Stop").click()
    until(lambda: now().status in ("stopped", "finished"))
    expect(page.get_by_role("button", name="Numbers (CSV)")).to_be_visible(timeout=PATIENCE)
    no_trouble(page)

    page.get_by_role("link", name="Runs").click()
    page.locator('[class*="st-key-run-open"] button').click()
    expect(page).to_have_url(re.compile(rf"{address}/adapt\?(.*&)?adaptation={run}\b"), timeout=PATIENCE)
    page.get_by_role("button", name="Finished examples").click()
    expect(page.get_by_text("A finished example")).to_be_visible(timeout=PATIENCE)
    no_trouble(page)
    lab.close()
