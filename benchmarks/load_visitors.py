"""Visitors of the dashboard for `load.py`: in real browsers, and by its protocol alone."""

from __future__ import annotations

import asyncio
import io
import random
import time
from dataclasses import dataclass, field

import skimage.data
from PIL import Image
from playwright.async_api import Browser, Page

from pages.ui.common.navigation import PAGES
from tests.browser.app import address
from tests.browser.visitor import Seen, Visitor

ARRIVALS = 10.0
"""Seconds over which visitors arrive."""
THINKING = (3.0, 9.0)
"""Seconds a visitor looks at a page, least and most."""
_READS = ("results", "overview", "learn", "library", "experiment", "layers")
_IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"
_TITLES = {card.name: card.title for card in PAGES}
_HEADINGS = _TITLES | {"overview": "EffQ Studio"}


@dataclass
class Browsed:
    """What real browsers have seen, seconds from the click: heading drawn, page complete."""

    headings: list[float] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def photos(seed: int) -> list[tuple[str, bytes]]:
    """Returns one to three photos, cut at random from those scikit-image brings."""
    chance = random.Random(seed)  # noqa: S311 - photos, not secrets
    found = []
    for number in range(chance.randint(1, 3)):
        image = Image.fromarray(chance.choice((skimage.data.astronaut, skimage.data.coffee))())
        side = chance.randint(200, 390)
        left, top = (chance.randint(0, edge - side) for edge in image.size)
        content = io.BytesIO()
        image.crop((left, top, left + side, top + side)).resize((1600, 1600)).save(content, "JPEG")
        found.append((f"photo-{seed}-{number}.jpg", content.getvalue()))
    return found


async def visit(url: str, number: int, run: str, until: float) -> Seen:
    """Is one visitor without a browser."""
    chance = random.Random(number)  # noqa: S311 - times to think, not secrets
    await asyncio.sleep(chance.uniform(0, ARRIVALS))
    async with Visitor(url) as visitor:
        await visitor.open("overview")
        while time.monotonic() < until and not visitor.seen.errors:
            await asyncio.sleep(chance.uniform(*THINKING))
            if chance.random() < 0.25:
                await visitor.open("predictions", "run=reference")
                await asyncio.sleep(chance.uniform(*THINKING) / 2)
                await visitor.send(photos(chance.randrange(10**6)))
            else:
                page = chance.choice(_READS)
                queries = {"results": "run=reference", "experiment": f"run={run}"}
                await visitor.open(page, queries.get(page, ""))
        return visitor.seen


async def browse(browser: Browser, url: str, number: int, until: float, browsed: Browsed) -> None:
    """Is one visitor with a browser: goes round the pages by the navigation."""
    chance = random.Random(1000 + number)  # noqa: S311 - likewise
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.on("pageerror", lambda error: browsed.errors.append(str(error)))
    try:
        await page.goto(address(url, "overview"))
        await _settle(page)
        while time.monotonic() < until:
            for card in (*PAGES[1:], PAGES[0]):
                await asyncio.sleep(chance.uniform(*THINKING))
                if time.monotonic() > until:
                    break
                link = page.get_by_role("link", name=card.title, exact=True).first
                begun = time.perf_counter()
                await link.click()
                await page.get_by_role("heading", name=_HEADINGS[card.name], exact=True).wait_for()
                browsed.headings.append(time.perf_counter() - begun)
                await page.wait_for_timeout(20)
                await _settle(page)
                browsed.complete.append(time.perf_counter() - begun)
                for wrong in await page.get_by_test_id("stException").all_inner_texts():
                    browsed.errors.append(f"{card.name}: {wrong[:200]}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is counted
        browsed.errors.append(f"{type(error).__name__}: {error}"[:300])
    finally:
        await context.close()


async def _settle(page: Page) -> None:
    await page.wait_for_selector(_IDLE)
    await page.wait_for_function("() => !document.querySelector('[data-testid=\"stSkeleton\"]')")
