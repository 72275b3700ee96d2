"""Several visitors at once on a real server, by the protocol their browsers speak."""

from __future__ import annotations

import asyncio
import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from PIL import Image
from skimage import data

from tests.browser.app import serve
from tests.browser.visitor import Seen, Visitor

_PAGES = ("results", "learn", "library", "predictions", "experiment")


async def _visit(url: str, number: int) -> Seen:
    photo = io.BytesIO()
    Image.fromarray(data.astronaut()).crop((0, 0, 300 + number, 300)).save(photo, "JPEG")
    async with Visitor(url) as visitor:
        await visitor.open((*_PAGES, "overview")[number % 6])
        for step in range(2):
            await visitor.open(_PAGES[(number + step) % 5])
        await visitor.open("predictions")
        await visitor.send([(f"photo-{number}.jpg", photo.getvalue())])
        return visitor.seen


def test_the_very_first_visitors_all_at_once_see_no_error(tiny_run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(tiny_run.home.root, home)

    async def all_of_them(url: str) -> list[Seen]:
        return await asyncio.gather(*(_visit(url, number) for number in range(8)))

    with serve(home) as app:
        # In a thread of its own: the browser of other tests keeps a loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            seen = pool.submit(asyncio.run, all_of_them(app.url)).result()
        held = psutil.Process(app.process.pid).memory_info().rss
    assert [error for each in seen for error in each.errors] == []
    assert [len(each.changes) for each in seen] == [4] * 8
    assert [len(each.answers) for each in seen] == [1] * 8
    assert held < 1 << 30
