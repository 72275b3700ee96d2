"""The Layers page in a real browser: from a run nobody has looked into to a block's detail."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from effq_core.base.settings import Home
from effq_core.layers.access import EFFECT, SIGNAL
from effq_core.store.artifacts import ArtifactStore
from tests.browser import app as dashboard
from tests.browser.app import App, pick, settle, visit

_NETWORK = ".st-key-layers_chart"


@pytest.fixture(scope="module")
def layered_app(
    browser: Browser, layered_run: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """The dashboard on a copy of the store with a look into the layers; nothing changes it."""
    home = tmp_path_factory.mktemp("layered_app") / "home"
    shutil.copytree(layered_run.home.root, home)
    with dashboard.serve(home) as app:
        yield app


def click_block(page: Page, name: str) -> None:
    """Clicks on a block; Plotly listens to the mouse above its marks, not on them.

    The place is relative to the layer that listens: what is drawn above the chart meanwhile moves
    both, and a click at a place of the page would miss.
    """
    label = page.locator(f"{_NETWORK} .textpoint text").filter(has_text=name).first
    label.wait_for()
    layer = page.locator(f"{_NETWORK} .nsewdrag").first
    x, y = label.evaluate(
        """(label, layer) => {
            const [mark, whole] = [label, layer].map((each) => each.getBoundingClientRect());
            return [mark.x + mark.width / 2 - whole.x, mark.y + 4 - whole.y];
        }""",
        layer.element_handle(),
    )
    layer.click(position={"x": x, "y": y})


def detail(page: Page) -> Any:
    return page.get_by_role("heading", name="block2b")


def test_from_a_run_nobody_has_looked_into_to_the_detail_of_a_block(
    page: Page, browser: Browser, layered_run: Any, tiny_run: Any, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(layered_run.home.root, home.root)
    shutil.rmtree(home.artifacts / SIGNAL)
    (effect,) = (home.artifacts / EFFECT).glob("?" * 64)
    aside = tmp_path / "effect"
    effect.rename(aside)
    locks = tmp_path / "tmp"
    locks.mkdir()
    with dashboard.serve(home.root, TMPDIR=str(locks)) as app:
        visit(page, app, "layers", f"run={tiny_run.run.id}")
        expect(page.get_by_text("This run's layers have not been analysed yet")).to_be_visible()
        page.get_by_role("button", name="Photos and time").click()
        asked = layered_run.experiment.layers
        for key, value in (("images", asked.images), ("budget", asked.budget_seconds)):
            field = page.locator(f".st-key-layers_{key} input")
            field.fill(str(value))
            field.press("Enter")
            settle(page)
        page.keyboard.press("Escape")
        # The signal is measured here and now; the effects, which take a minute, by "another run",
        # which holds their lock meanwhile, as one would.
        with ArtifactStore(home).lock(EFFECT, effect.name):
            page.locator(".st-key-layers_look button").click()
            expect(page.locator(".st-key-layers_run")).to_contain_text("stages", timeout=30_000)
            expect(page.get_by_role("button", name="Cancel")).to_be_visible()
            aside.rename(effect)
        expect(page.locator(".st-key-layers_run")).to_be_hidden(timeout=90_000)
        expect(page).not_to_have_url(re.compile("look="))
        settle(page)
        expect(page.locator(".st-key-layers_headline")).to_contain_text("16 calibration photos")
        click_block(page, "2b")
        expect(detail(page)).to_be_visible()
        # While a fragment runs again Streamlit keeps what it drew before, marked as retained.
        drawn = page.locator(".st-key-layers_activation:not([data-retained=true]) .js-plotly-plot")
        expect(drawn.last).to_be_visible()


def test_a_block_is_chosen_by_keyboard_and_by_click_again_and_again(
    page: Page, layered_app: App, layered_run: Any
) -> None:
    visit(page, layered_app, "layers", f"run={layered_run.run.id}")
    click_block(page, "2b")
    expect(detail(page)).to_be_visible()
    field = page.locator(".st-key-layers_block input")
    field.focus()
    pick(page, field, "⬢ stem", key="ArrowDown")
    expect(page.get_by_role("heading", name="stem")).to_be_visible()
    click_block(page, "2b")
    expect(detail(page)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_the_network_whole(
    open_page: Callable[..., Page], layered_app: App, layered_run: Any, theme: str
) -> None:
    page = open_page(width=390, height=844, theme=theme)
    visit(page, layered_app, "layers", f"run={layered_run.run.id}")
    page.wait_for_selector(f"{_NETWORK} .textpoint")
    page.wait_for_timeout(500)
    main = page.locator("[data-testid='stMain']")
    width, inner = main.evaluate("e => [e.clientWidth, e.scrollWidth]")
    assert inner <= width
    last = page.locator(f"{_NETWORK} .textpoint text").filter(has_text="6h").bounding_box()
    assert last is not None
    assert last["x"] + last["width"] <= 390
    label = page.locator(f"{_NETWORK} [aria-label*='worst first'], {_NETWORK} [alt*='worst first']")
    expect(label.first).to_be_attached()
