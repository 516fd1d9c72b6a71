"""A person's own tables in a real browser: found again at the next visit, by nobody else, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks.page import chromium
from mtl_core.data.pieces import PIECES_FROM
from mtl_core.data.saved import SavedRecipe
from tests.own_table import TABLE, csv

PATIENCE = 60_000
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Browser]:
    with chromium() as page:
        assert page.context.browser is not None
        yield page.context.browser


def visit(who: BrowserContext, address: str) -> Page:
    page = who.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/data")
    page.get_by_text("My table", exact=True).click()
    expect(page.locator("input[type=file]").first).to_be_attached(timeout=PATIENCE)
    return page


def test_a_table_belongs_to_the_browser_that_brought_it(browser: Browser, address: str, tmp_path: Path) -> None:
    with browser.new_context() as owner, browser.new_context() as somebody:
        page = visit(owner, address)
        page.locator("input[type=file]").first.set_input_files(
            {"name": "mine.csv", "mimeType": "text/csv", "buffer": csv(TABLE)}
        )
        expect(page.get_by_text("Your tables (1)")).to_be_visible(timeout=PATIENCE)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save recipe").first.click()
        download.value.save_as(tmp_path / "recipe.json")
        saved = SavedRecipe.from_text((tmp_path / "recipe.json").read_text("utf-8"))
        assert (saved.filename, dict(saved.recipe.tasks)) == ("mine.csv", {"weight": "regression", "healthy": "binary"})

        other = visit(somebody, address)
        expect(other.get_by_text("only you can delete it")).to_be_visible(timeout=PATIENCE)
        expect(other.get_by_text("Your tables")).to_have_count(0)

        again = visit(owner, address)
        again.get_by_text("Your tables (1)").click()
        again.get_by_role("button", name="Delete").click()
        expect(again.get_by_text("Your tables")).to_have_count(0, timeout=PATIENCE)


def test_a_large_file_is_let_go_and_the_page_goes_on(browser: Browser, address: str, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    some = b"".join(b"%d.25,%d,%d.5,red\n%d.75,7,1,blue\n" % (i, i % 9, i % 7, i) for i in range(20))
    path.write_bytes(b"x,z,y,kind\n" + some * 100_000)
    assert path.stat().st_size > PIECES_FROM
    with browser.new_context() as owner:
        page = visit(owner, address)
        page.locator("input[type=file]").first.set_input_files(path)
        expect(page.get_by_text("4,000,000 rows, 4 columns")).to_be_visible(timeout=2 * PATIENCE)
        expect(page.get_by_text("First 100 rows")).to_be_visible(timeout=2 * PATIENCE)
        page.get_by_text("Real data", exact=True).first.click()
        expect(page.get_by_text("Look at it").first).to_be_visible(timeout=PATIENCE)
        page.get_by_text("My table", exact=True).first.click()
        expect(page.get_by_text("4,000,000 rows, 4 columns").first).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("could not be shown")).to_have_count(0)
