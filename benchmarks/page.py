"""What a person waits for: from the click on Run to the first point, and one live update, in headless Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.work import Row

ROOT = Path(__file__).parent.parent
LOADS, TURNS, FIRST_POINT_LIMIT_MS = 5, 5, 500.0

RUN = ".st-key-button-run button"
"""The one button that says Run, Pause or Resume."""
WAIT_FOR = """([kind, words]) => { window.waited = new Promise((done) => addEventListener(kind, async () => {
  const begun = performance.now();
  while (!document.body.innerText.includes(words) && performance.now() - begun < 60000) {
    await new Promise(requestAnimationFrame);
  }
  done(performance.now() - begun);
}, { once: true, capture: true })); }"""
"""Milliseconds from an event to words on the page, timed inside the browser."""
COUNT_UPDATES = """async (seconds) => {
  const host = document.querySelector(`[data-testid="live-chart"]`);
  const frames = [];
  let before = performance.now();
  const frame = (now) => { frames.push(now - before); before = now; running && requestAnimationFrame(frame); };
  let running = true;
  requestAnimationFrame(frame);
  const first = Number(host.dataset.updates), begun = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  running = false;
  return [Number(host.dataset.updates) - first, performance.now() - begun, Math.max(...frames)];
}"""


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as address, chromium() as page:
        clicks = np.array([_first_and_second_click(page, address) for _ in range(LOADS)])
        _many_steps(page)
        page.locator(RUN).click()
        page.wait_for_timeout(500)
        updates, milliseconds, longest = page.evaluate(COUNT_UPDATES, 3)
        turned = [_turn(page, number) for number in range(1, TURNS + 1)]
        paused = [_pause(page) for _ in range(TURNS)]
    first, second = map(float, np.median(clicks, axis=0))
    click = "click on Run to the first point on the chart"
    return [
        Row(
            f"{click}: first click after the page was loaded, median of {LOADS} loads",
            first,
            "ms",
            FIRST_POINT_LIMIT_MS,
        ),
        Row(f"{click}: second click, median", second, "ms", FIRST_POINT_LIMIT_MS),
        Row(
            "slowest of all these clicks (the very first after the server's start is among them)",
            float(clicks.max()),
            "ms",
        ),
        Row("live updates of the loss chart a second", 1000 * updates / milliseconds, "a second"),
        Row("longest time between two frames while it updates", longest, "ms"),
        Row(
            "a weight turned while it trains, to its mark under the curves, median", np.median(turned).item(), "ms", 500
        ),
        Row("click on Pause to a run that stands still, median", np.median(paused).item(), "ms", 500),
    ]


def _many_steps(page: Page) -> None:
    """So many that the run does not end while it is looked at."""
    page.get_by_text("Training settings").click()
    page.get_by_role("tab", name="Training").click()
    page.get_by_role("slider", name="Steps").press("End")
    page.wait_for_timeout(1000)
    page.keyboard.press("Escape")
    page.wait_for_timeout(1000)


def _turn(page: Page, number: int) -> float:
    """A press of the right arrow on the first task's slider, until the page lists the change as in force."""
    page.get_by_role("slider").first.focus()
    page.evaluate(WAIT_FOR, ["keydown", f"→ {1 + number / 10:g}"])
    page.keyboard.press("ArrowRight")
    waited = float(page.evaluate("() => window.waited"))
    page.wait_for_timeout(1000)
    return waited


def _pause(page: Page) -> float:
    """Pause, and on again."""
    page.evaluate(WAIT_FOR, ["click", "Paused at step"])
    page.locator(RUN).click()
    waited = float(page.evaluate("() => window.waited"))
    page.locator(RUN).filter(has_text="Resume").click()
    page.get_by_text("Training: step").wait_for()
    page.wait_for_timeout(500)
    return waited


def _first_and_second_click(page: Page, address: str) -> tuple[float, float]:
    page.goto(f"{address}/train")
    page.wait_for_selector('[data-testid="live-chart"][data-points]')
    _until(lambda: page.locator(RUN).is_enabled())
    page.get_by_text("Full verdict", exact=True).click()
    page.wait_for_timeout(2000)
    return _click_to_first_point(page), _click_to_first_point(page)


def _click_to_first_point(page: Page) -> float:
    """Reset to a fresh run that waits, then Run; timed inside the browser, from click to drawn points."""
    found = page.evaluate(
        """async () => {
          const button = document.querySelector(".st-key-button-run button");
          const host = () => document.querySelector('[data-testid="live-chart"]');
          const begun = performance.now();
          const before = host()?.dataset.revision;
          button.click();
          while (host()?.dataset.revision === before || !(Number(host()?.dataset.points) > 0)) {
            if (performance.now() - begun > 60000) break;
            await new Promise(requestAnimationFrame);
          }
          return performance.now() - begun;
        }"""
    )
    page.get_by_role("button", name="Stop").click()
    _until(lambda: page.locator(RUN).filter(has_text="Run").count() > 0)
    page.wait_for_timeout(1000)
    return float(found)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The dashboard on a free port of loopback, its engine warm."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "mtl-lab"), "serve", "--port", str(port), "--no-browser"]
    environment = {**os.environ, "MTL_LAB_HOME": str(home), "MTL_LAB_WORKERS": "2"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def chromium() -> Iterator[Page]:
    program = shutil.which("chromium")
    assert program, "this needs Debian's chromium; .ci/run installs it"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _until(holds: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the page did not get there")
        time.sleep(0.05)
