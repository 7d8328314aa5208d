"""The page in a real browser: it is complete without scripts, keeps itself up to date with them, and fits a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.operations.server import OperationsServer
from tests.unit.operations.bench import Bench
from tests.unit.operations.browser import NAMES, Page, find_chromium, open_browser

pytestmark = pytest.mark.browser

BADGE = "document.querySelector('section .badge').textContent"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is on the PATH")
    async with open_browser(chromium, tmp_path / "profile") as page:
        yield page


async def test_the_page_lives(server: OperationsServer, bench: Bench, page: Page) -> None:
    bench.assign(0)
    server.tick()
    address = f"http://127.0.0.1:{server.port}/"

    await page.open(address, scripts=False)
    assert await page.evaluate(BADGE) == "Up to date"

    await page.open(address, width=390)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.evaluate("document.querySelector('details').open = true")

    bench.pipeline.dispatcher.gate.set_missing_secret("a token is missing")
    await page.until(f"{BADGE} === 'Secret missing'")
    assert await page.evaluate("document.querySelector('details').open"), "what a person opened stays open"
    assert await page.evaluate("document.getElementById('stale').hidden")
    assert page.complaints == []

    await server.stop()
    await page.until("!document.getElementById('stale').hidden")
    assert "has not answered since" in await page.evaluate("document.getElementById('stale').textContent")


async def test_dark_and_light_are_the_persons_choice(server: OperationsServer, page: Page) -> None:
    colours = []
    for dark in (False, True):
        await page.open(f"http://127.0.0.1:{server.port}/", dark=dark)
        colours.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(246, 247, 249)", "rgb(16, 20, 27)"]
