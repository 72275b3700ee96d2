"""The library page in a real browser: downloads, folders, deleting."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from effq_core.base.settings import Home
from effq_core.care.fetches import FetchState, fetch_of
from effq_core.photos import imagenette
from effq_core.photos.added import added_folders
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.usage import tree_size
from tests.browser import app as dashboard
from tests.browser.app import App, pick, settle, visit
from tests.fetch_server import WEIGHTS_MODEL, FetchServer, redirect, serving

PHOTOS = "imagenette"
_SECONDS = 30_000


@pytest.fixture
def server() -> Iterator[FetchServer]:
    with serving() as running:
        yield running


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for number, name in enumerate(["cat", "cat", "<i>dog</i>", "<i>dog</i>"]):
        folder = root / "pets" / name.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return root


@pytest.fixture
def app(browser: Browser, tmp_path: Path, server: FetchServer, pictures: Path) -> Iterator[App]:
    """The dashboard on an empty store, with a named root and the local server to download from."""
    home = tmp_path / "home"
    home.mkdir()
    path = redirect(server, tmp_path / "site")
    environment = {"PYTHONPATH": path, "EFFQ_DATA_ROOTS": str(pictures)}
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "")
    with dashboard.serve(home, **environment, **proxies) as running:
        yield running


def badge(page: Page, text: str) -> Locator:
    return page.locator(".stMarkdownBadge", has_text=text)


def state_of(home: Home, item: str) -> FetchState | None:
    fetch = fetch_of(home, item)
    return None if fetch is None else fetch.state


def test_a_download_shows_progress_survives_a_restart_and_arrives(
    app: App, page: Page, server: FetchServer
) -> None:
    home = Home(app.home)
    server.chunk = 1 << 20
    server.gate.clear()
    visit(page, app, "library")
    page.get_by_role("button", name="Download 94 MiB").click()
    bar = page.get_by_test_id("stProgress")
    expect(bar).to_contain_text("1.00 MiB of 8.60 MiB", timeout=_SECONDS)
    app.kill()
    app.restart()
    assert state_of(home, PHOTOS) is FetchState.RUNNING
    visit(page, app, "library")
    expect(page.get_by_test_id("stProgress")).to_contain_text("of 8.60 MiB", timeout=_SECONDS)
    server.gate.set()
    expect(badge(page, "Downloaded")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    assert imagenette.is_present(home)
    assert len(server.asked) == 1


def test_a_download_is_cancelled_and_goes_on_later_in_another_window(
    app: App, open_page: Callable[..., Page], server: FetchServer
) -> None:
    home = Home(app.home)
    server.chunk = 1 << 20
    server.gate.clear()
    page, other = open_page(), open_page(width=390)
    visit(page, app, "library")
    visit(page, app, "library")
    page.get_by_role("button", name="Download 28 MiB").click()
    page.get_by_role("button", name="Cancel").wait_for(timeout=_SECONDS)
    expect(page.get_by_test_id("stProgress")).to_contain_text("1.00 MiB of", timeout=_SECONDS)
    visit(other, app, "library")
    expect(other.get_by_test_id("stProgress")).to_be_visible()  # whoever comes sees it
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("have been downloaded and are kept.").first).to_be_visible(
        timeout=_SECONDS
    )
    assert state_of(home, WEIGHTS_MODEL) is FetchState.CANCELLED
    server.gate.set()
    other.get_by_role("button", name="Resume download").click(timeout=_SECONDS)
    expect(badge(other, "Downloaded")).to_be_visible(timeout=_SECONDS)
    assert server.asked[-1][1] is not None  # only what was missing


def test_offline_the_page_says_so_and_stays_usable(
    app: App, page: Page, server: FetchServer
) -> None:
    server.shutdown()
    server.server_close()
    visit(page, app, "library")
    visit(page, app, "library")
    page.get_by_role("button", name="Download 94 MiB").click()
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("cannot be reached", timeout=_SECONDS)
    expect(alert).to_contain_text(str(app.home / "datasets" / "imagenette2-160"))
    expect(page.get_by_role("button", name="Download 94 MiB")).to_be_visible()
    assert "Traceback" not in page.content()


def test_a_folder_is_added_and_taken_off_the_list_again(
    app: App, page: Page, pictures: Path
) -> None:
    home = Home(app.home)
    visit(page, app, "library")
    visit(page, app, "library")
    page.get_by_text("Add a folder of photos").click()
    box = page.get_by_role("combobox", name="Go into")
    box.scroll_into_view_if_needed()
    pick(page, box, "pets")
    page.get_by_role("button", name="Look at this folder").click()
    thumbnails = page.locator(".st-key-library_thumbnails img")
    expect(thumbnails).to_have_count(4, timeout=_SECONDS)
    expect(page.locator(".st-key-library_thumbnails")).to_contain_text("<i>dog<_i>")
    settle(page)  # a button that is drawn anew under the pointer loses the click
    page.get_by_role("button", name="Add to the list").click()
    expect(badge(page, "Your folder")).to_be_visible(timeout=_SECONDS)
    assert [each.path for each in added_folders(home)] == [str(pictures / "pets")]
    page.get_by_role("button", name="Remove from the list").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the folder and its photos stay")
    dialog.get_by_role("button", name="Remove from the list").click()
    expect(badge(page, "Your folder")).to_have_count(0, timeout=_SECONDS)
    assert added_folders(home) == ()
    assert len(list(pictures.rglob("*.png"))) == 4


def test_a_run_is_deleted_after_saying_what_goes_and_what_stays(
    fresh_app: App, page: Page, tiny_run
) -> None:
    home = Home(fresh_app.home)
    database = Database(home.database)
    free_unused(home, database)  # the shared store may hold what earlier code has made
    # A second run of the same experiment: everything is shared but their own small files.
    second = database.create_run(tiny_run.experiment, "second")
    stages = [
        type(stage)(**{**vars(stage), "run_id": second})
        for stage in database.stages(tiny_run.run.id)
    ]
    database.upsert_stages(stages)
    database.set_status(second, tiny_run.run.status, results=tiny_run.run.results)
    whole = tree_size(home.artifacts)

    def delete(row: int) -> str:
        rows = page.locator("[class*='st-key-library_runs'] .dvn-scroller").first
        rows.click(position={"x": 15, "y": 35 * (row + 1) + 17})  # the row's box
        page.get_by_role("button", name="Delete 1 run …").click(timeout=_SECONDS)
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Delete").wait_for(timeout=_SECONDS)
        told = dialog.inner_text()
        dialog.get_by_role("button", name="Delete").click()
        dialog.wait_for(state="hidden", timeout=_SECONDS)
        settle(page)
        return told

    visit(page, fresh_app, "library")
    visit(page, fresh_app, "library")
    told = delete(0)
    assert "second" in told
    assert "stay, because 1 other run uses the same" in told
    assert [run.id for run in database.list_runs()] == [tiny_run.run.id]
    assert tree_size(home.artifacts) == whole
    told = delete(0)
    assert "stay, because" not in told
    assert database.list_runs() == []
    assert tree_size(home.artifacts) == 0
    expect(page.get_by_text("No runs yet.")).to_be_visible(timeout=_SECONDS)
    database.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(
    app: App, open_page: Callable[..., Page], theme: str
) -> None:
    page = open_page(width=390, theme=theme)
    visit(page, app, "library")
    visit(page, app, "library")
    page.get_by_text("Add a folder of photos").click()
    settle(page)
    sticks_out = """() => [...document.querySelectorAll('[data-testid="stMain"] *')].filter(
        each => each.getBoundingClientRect().right > innerWidth + 1
            && !each.closest('[data-testid="stDataFrame"]')).length"""
    assert page.evaluate(sticks_out) == 0


def test_the_health_check_answers_when_it_is_opened(app: App, page: Page) -> None:
    shutil.rmtree(app.home / "artifacts", ignore_errors=True)
    visit(page, app, "library")
    visit(page, app, "library")
    page.get_by_text("Health of this installation").click()
    expect(page.get_by_text("Everything a run needs is in place.")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_text("streamlit 1.67.0")).to_be_visible()
