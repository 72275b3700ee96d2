"""A model of one's own in a real browser: uploaded, watched, kept, chosen, removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from effq_core.base.settings import Home
from effq_core.models.own.card import own_models
from tests.browser import app as dashboard
from tests.browser.app import App, pick, settle, visit
from tests.models.own_files import TINY_LABELS, classifier, with_lambda

_SECONDS = 120_000


@pytest.fixture
def app(browser: Browser, tmp_path: Path) -> Iterator[App]:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "locks").mkdir()
    with dashboard.serve(home, TMPDIR=str(tmp_path / "locks")) as running:
        yield running


def choose(page: Page, key: str, text: str) -> None:
    pick(page, page.locator(f".st-key-{key} input"), text)


def give(page: Page, path: Path, labels: str) -> None:
    page.locator(".st-key-library_model_box summary").click()
    page.locator("[class*=st-key-library_model_file_] input[type=file]").set_input_files(path)
    expect(page.get_by_text(path.name)).to_be_visible()
    choose(page, "library_model_preprocessing", "Inside the model")
    box = page.locator(".st-key-library_model_labels textarea")
    box.fill(labels)
    box.press("Control+Enter")
    settle(page)
    page.locator(".st-key-library_model_check button").click()


def test_a_model_is_uploaded_checked_kept_chosen_and_removed(
    app: App, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "my_net.keras"
    classifier(3).save(str(path))
    visit(page, app, "library")
    give(page, path, "\n".join(TINY_LABELS))
    expect(page.get_by_text("Look for code in it")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_text("Predictions for sample photos")).to_be_visible(timeout=_SECONDS)
    page.locator(".st-key-library_model_keep button").click()
    expect(page.get_by_text("my net is in the Library.")).to_be_visible()
    home = Home(app.home)
    assert [card.id for card in own_models(home)] == ["own:my_net"]

    visit(page, app, "experiment")
    choose(page, "exp_model", "my net (yours)")
    expect(page.get_by_text("Your own: 4 classes")).to_be_visible()

    visit(page, app, "library")
    page.locator(".st-key-library_remove_own-my_net button").click()
    page.locator(".st-key-remove_yes button").click()
    expect(page.get_by_text("my net was removed.")).to_be_visible()
    assert own_models(home) == ()


def test_a_refused_model_says_why_and_leaves_the_dashboard_as_it_was(
    app: App, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "evil.h5"
    classifier(2, with_lambda).save(str(path))
    visit(page, app, "library")
    give(page, path, "\n".join(TINY_LABELS))
    expect(page.get_by_text("Python code that would run").first).to_be_visible(timeout=_SECONDS)
    page.locator(".st-key-library_model_again button").click()
    expect(page.locator(".st-key-library_model_check")).to_be_visible()
    assert own_models(Home(app.home)) == ()


def test_a_check_can_be_stopped(app: App, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "my_net.keras"
    classifier(3).save(str(path))
    visit(page, app, "library")
    give(page, path, "\n".join(TINY_LABELS))
    page.locator(".st-key-library_model_stop button").click(timeout=_SECONDS)
    expect(page.locator(".st-key-library_model_check")).to_be_visible()
