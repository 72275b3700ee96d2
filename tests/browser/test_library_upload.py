"""Adding photos of one's own in a real browser: looked at, named, used, removed; bombs refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from effq_core.base.settings import Home
from effq_core.photos.own_photos import own_photos
from tests.browser import app as dashboard
from tests.browser.app import App, pick, settle, visit
from tests.photos.incoming.ingest_helpers import MIB, left_behind, photo, raw_zip, zipped

_SECONDS = 60_000
_AT_MOST = (
    60  # seconds: a hang is seen; how fast it is, the tests of the core bound in processor time
)
"""Seconds on the wall of a machine that may be busy; the tests of what
comes in bound processor time to five."""
PHOTOS = [
    (f"set/{c}/{n}.png", photo(n, size=(96, 72))) for n, c in enumerate(["<i>cat", "dog"] * 12)
]


@pytest.fixture
def app(browser: Browser, tmp_path: Path) -> Iterator[App]:
    home = tmp_path / "home"
    home.mkdir()
    with dashboard.serve(home) as running:
        yield running


def as_zip(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/zip", "buffer": content}


def give(page: Page, files: list[FilePayload]) -> None:
    box = page.locator(".st-key-library_upload_box")
    if not box.get_by_test_id("stFileUploader").is_visible():
        box.locator("summary").click()
    box.locator("input[type=file]").set_input_files(files)
    box.get_by_role("button", name="Look at these photos").click(timeout=_SECONDS)


def left(app: App) -> list[str]:
    return [name for name in left_behind(app.home) if not name.startswith("effq.sqlite3")]


def test_photos_are_added_chosen_and_removed(app: App, page: Page) -> None:
    visit(page, app, "library")
    noisy = ("set/dog/large.bmp", b"BM" + bytes(21 * MIB))  # more than a photo to predict may have
    give(page, [as_zip("pets.zip", zipped([*PHOTOS, noisy]))])
    box = page.locator(".st-key-library_upload_box")
    expect(box).to_contain_text("24 photos · 2 classes", timeout=_SECONDS)
    expect(box.get_by_test_id("stImage")).to_have_count(12)
    expect(box).to_contain_text("<i>cat")  # a label is text, never markup
    assert own_photos(Home(app.home)) == ()
    box.get_by_label("Name").fill("Our pets")
    box.get_by_role("button", name="Add these photos").click()
    expect(page.locator(".stMarkdownBadge", has_text="Your photos")).to_be_visible(timeout=_SECONDS)
    (added,) = own_photos(Home(app.home))
    assert (added.id, added.photos) == ("photos:our-pets", 24)
    expect(box.get_by_role("button", name="Look at these photos")).to_have_count(0)
    assert left(app) == []

    visit(page, app, "experiment")
    pick(page, page.locator(".st-key-exp_dataset input"), "Our pets")
    expect(page.get_by_text("24 photos · 2 classes")).to_be_visible(timeout=_SECONDS)

    visit(page, app, "library")
    page.locator(".st-key-library_remove_photos-our-pets button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("deleted from this machine")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator(".stMarkdownBadge", has_text="Your photos")).to_have_count(0)
    assert own_photos(Home(app.home)) == ()


def test_hostile_archives_are_refused_within_seconds_and_the_page_lives(
    app: App, page: Page
) -> None:
    visit(page, app, "library")
    many = raw_zip((b"%06d.png" % n, b"x") for n in range(100_000))
    bomb = zipped([(f"{n}.bmp", bytes(60 * MIB)) for n in range(3)])
    box = page.locator(".st-key-library_upload_box")
    for content, why in ((many, "more than 20,000 entries"), (bomb, "unpacks to more than")):
        give(page, [as_zip("hostile.zip", content)])
        started = time.monotonic()
        expect(box.get_by_test_id("stAlert")).to_contain_text(why, timeout=_SECONDS)
        assert time.monotonic() - started < _AT_MOST
        assert left(app) == []
        box.get_by_role("button", name="Remove hostile.zip").click()
        settle(page)
    give(page, [as_zip("fine.zip", zipped(PHOTOS))])
    expect(box).to_contain_text("24 photos · 2 classes", timeout=_SECONDS)


def test_a_preview_left_behind_goes_with_its_server(app: App, page: Page) -> None:
    visit(page, app, "library")
    give(page, [as_zip("pets.zip", zipped(PHOTOS))])
    expect(page.get_by_text("24 photos · 2 classes")).to_be_visible(timeout=_SECONDS)
    drafts = lambda: list((app.home / "datasets").glob(".adding-*"))  # noqa: E731
    assert len(drafts()) == 1
    app.kill()
    app.restart()
    visit(page, app, "library")
    give(page, [as_zip("more.zip", zipped(PHOTOS[:8]))])
    expect(page.get_by_text("8 photos · 2 classes")).to_be_visible(timeout=_SECONDS)
    assert len(drafts()) == 1
    app.stop()
    deadline = time.monotonic() + _AT_MOST  # a busy machine ends a server slowly
    while drafts() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert drafts() == []
    app.restart()


def test_the_preview_fits_on_a_phone(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=844, theme="dark")
    visit(page, app, "library")
    give(page, [as_zip("pets.zip", zipped([*PHOTOS, ("set/cat/b.jpg", b"x")]))])
    expect(page.get_by_text("24 photos · 2 classes")).to_be_visible(timeout=_SECONDS)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
