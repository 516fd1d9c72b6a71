"""A table just under 500 MB and one three times as large: `python -m benchmarks.large` (minutes; 2 GB of disk).

On the command line and dropped on the page of a server of its own, in headless Chromium; memory as Linux tells it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
import pyarrow  # type: ignore[import-untyped]
from pyarrow import csv

from benchmarks.document import BEGIN, END
from benchmarks.page import ROOT, chromium, served

ROWS, NUMBERS, WORDS, BLOCK = 840_000, 80, 20, 40_000
DOCUMENT = ROOT / "docs" / "data.md"
PATIENCE = 600_000


def make(path: Path, blocks: int) -> None:
    """Numbers of two decimals and columns of four words."""
    random = np.random.default_rng(0)
    words = np.array(["red", "green", "blue", "yellow"])
    with path.open("wb") as file:
        for block in range(blocks):
            columns = {f"number {i}": random.normal(size=BLOCK).round(2) for i in range(NUMBERS)}
            columns |= {f"colour {i}": words[random.integers(0, 4, BLOCK)] for i in range(WORDS)}
            csv.write_csv(
                pyarrow.table(columns), file, csv.WriteOptions(include_header=block == 0, quoting_style="needed")
            )


def inspected(path: Path) -> tuple[float, float]:
    """Seconds and peak MiB of `mtl-lab inspect FILE --json`, in a process of its own."""
    code = (
        "import resource, subprocess, sys\n"
        "command = [sys.executable, '-c', 'from mtl_core.cli import main; main()', 'inspect', sys.argv[1], '--json']\n"
        "subprocess.run(command, check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    begun = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, float(told.stdout)


def dropped(path: Path) -> tuple[float, float, float]:
    """Seconds until the page shows everything, the server's peak and what it holds afterwards, in MiB."""
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as address, chromium() as page:
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/data")
        page.get_by_text("My table", exact=True).click()
        page.wait_for_selector("input[type=file]", state="attached")
        page.wait_for_timeout(1500)
        server = _server(address.rsplit(":", 1)[1])
        peak, done = [0.0], threading.Event()
        watch = threading.Thread(target=_watch, args=(server, peak, done))
        watch.start()
        begun = time.perf_counter()
        page.locator("input[type=file]").first.set_input_files(path)
        page.get_by_text(re.compile("rows.*, 100 columns")).first.wait_for()
        page.get_by_text("First 100 rows").wait_for()
        seconds = time.perf_counter() - begun
        page.wait_for_timeout(2000)
        done.set()
        watch.join()
        return seconds, peak[0], server.memory_info().rss / 2**20


def _server(port: str) -> psutil.Process:
    """The process that answers on a port."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "streamlit" in words and port in " ".join(words):
            return process
    raise RuntimeError(f"no server on port {port}")


def _watch(server: psutil.Process, peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.1):
        peak[0] = max(peak[0], server.memory_info().rss / 2**20)


def table() -> str:
    lines = ["| file | command: s | command: peak MiB | page: s | page: peak MiB | page: afterwards MiB |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for times, what in ((1, "read whole"), (3, "rows drawn")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large.csv"
            make(path, times * ROWS // BLOCK)
            size = f"{path.stat().st_size / 1e6:,.0f} MB, {times * ROWS:,} rows, {what}"
            seconds, peak = inspected(path)
            shown, highest, after = dropped(path)
        lines.append(f"| {size} | {seconds:.1f} | {peak:,.0f} | {shown:.0f} | {highest:,.0f} | {after:,.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    found = table()
    print(found)
    head, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN.format(name="large"), 1)
    end = END.format(name="large")
    DOCUMENT.write_text(head + BEGIN.format(name="large") + found + end + rest.split(end, 1)[1], encoding="utf-8")
