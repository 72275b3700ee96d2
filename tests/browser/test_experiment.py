"""An experiment in a real browser: from a click to its result, through reloads and restarts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.browser.app import App, pick, settle, visit

MINUTES = 60_000


def _button(page: Page, key: str) -> Any:
    return page.locator(f".st-key-{key} button").first


def _form_of(page: Page, app: App, run_id: str) -> None:
    """Opens the form with an earlier run's settings: small images, few of them."""
    visit(page, app, "experiment", f"run={run_id}")
    _button(page, "do_change").click()
    settle(page)
    expect(_button(page, "do_run")).to_be_enabled()


def _choose(page: Page, key: str, text: str) -> None:
    pick(page, page.locator(f".st-key-{key} input").first, text)


def _started_run(page: Page) -> str:
    page.wait_for_url(re.compile(r"run=\d{8}-"))
    return page.url.partition("run=")[2]


def _status(app: App, run_id: str) -> Status:
    database = Database(Home(app.home).database)
    try:
        return database.get_run(run_id).status
    finally:
        database.close()


def test_from_a_click_to_the_result_through_a_reload_and_a_restart(
    fresh_app: App, open_page: Callable[..., Page], tiny_run: Any
) -> None:
    page = open_page()
    _form_of(page, fresh_app, tiny_run.run.id)
    _choose(page, "exp_calibration_method", "Moving average")
    _button(page, "do_run").click()
    run_id = _started_run(page)
    expect(page.get_by_text(re.compile(r"\d+ of \d+ stages"))).to_be_visible(timeout=MINUTES)

    page.reload()
    settle(page)
    assert page.url.endswith(run_id)
    expect(page.get_by_text("Running").first).to_be_visible(timeout=MINUTES)

    fresh_app.kill()  # the run is a process of its own
    assert _status(fresh_app, run_id) is Status.RUNNING
    fresh_app.restart()
    page.goto(f"{fresh_app.url}/experiment?run={run_id}")
    expect(page.get_by_text("See the results")).to_be_visible(timeout=4 * MINUTES)
    assert _status(fresh_app, run_id) is Status.FINISHED

    page.get_by_text("See the results").click()
    settle(page)
    assert run_id in page.url
    expect(page.get_by_text("int8").filter(visible=True).first).to_be_visible()


def test_cancel_stops_a_run_within_seconds_and_resume_goes_on(
    fresh_app: App, open_page: Callable[..., Page], tiny_run: Any
) -> None:
    page = open_page()
    _form_of(page, fresh_app, tiny_run.run.id)
    seed = page.get_by_role("spinbutton", name="Seed")
    seed.fill("7")
    seed.press("Enter")
    settle(page)
    expect(
        page.get_by_text(re.compile("0 of .* stages cached|1 of .* stages cached"))
    ).to_be_visible()
    _button(page, "do_run").click()
    run_id = _started_run(page)
    expect(page.get_by_text(re.compile(r"\d+ of \d+ stages"))).to_be_visible(timeout=MINUTES)
    _button(page, "do_cancel").click()
    expect(page.get_by_text("Cancelled. Finished stages are kept")).to_be_visible(timeout=20_000)
    assert _status(fresh_app, run_id) is Status.CANCELLED
    _button(page, "do_resume").click()
    expect(_button(page, "do_cancel")).to_be_visible(timeout=20_000)
    assert _status(fresh_app, run_id).is_active
    _button(page, "do_cancel").click()
    expect(_button(page, "do_resume")).to_be_visible(timeout=20_000)


def test_the_form_keeps_its_choices_while_another_page_is_shown(
    tiny_app: App, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    visit(page, tiny_app, "experiment")
    seed = page.get_by_role("spinbutton", name="Seed")
    seed.fill("1234")
    seed.press("Enter")
    settle(page)
    page.get_by_role("link", name="Learn").first.click()
    settle(page)
    page.get_by_role("link", name="Experiment").first.click()
    settle(page)
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("1234")


def test_the_first_address_a_fresh_server_is_asked_for_works(
    fresh_app: App, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    visit(page, fresh_app, "experiment")
    expect(page.get_by_role("heading", name="Experiment", exact=True)).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_nothing_sticks_out_of_a_phone(
    tiny_app: App, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    for theme in ("light", "dark"):
        page = open_page(390, 844, theme)
        for name in ("overview", "experiment"):
            visit(page, tiny_app, name)
            page.wait_for_timeout(500)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, (name, theme, wide)
            page.screenshot(path=tmp_path / f"{name}-{theme}.png")
