"""The results page in a real browser: compare, pick, look at photos, take the report away."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from effq_core.results import REFERENCE
from tests.browser.app import App, settle, visit

PARTS = (
    "Trade-off",
    "Pick for me",
    "Is it real?",
    "Changed photos",
    "Classes",
    "Speed",
    "Training",
    "Numbers and files",
    "Checks",
)


def open_part(page: Page, app: App, part: str, *runs: str) -> None:
    query = [("run", run) for run in runs or (REFERENCE,)] + [("part", part)]
    visit(page, app, "results", urllib.parse.urlencode(query))


def choose_part(page: Page, part: str) -> None:
    page.locator(".st-key-part").get_by_text(part, exact=True).click()
    settle(page)


def test_a_link_opens_the_run_and_the_part_it_names(page: Page, tiny_app: App) -> None:
    open_part(page, tiny_app, "Speed")

    expect(page.get_by_text("Was timing stable?")).to_be_visible()
    choose_part(page, "Checks")
    expect(page.get_by_text("How it was measured")).to_be_visible()
    assert urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)["part"] == ["Checks"]


def test_the_charts_of_the_trade_off_are_drawn_and_described(page: Page, tiny_app: App) -> None:
    open_part(page, tiny_app, "Trade-off")

    plots = page.locator(".js-plotly-plot")
    expect(plots).to_have_count(3)
    labels = plots.first.locator(".annotation-text")
    expect(labels).to_have_count(7)
    boxes = [label.bounding_box() for label in labels.all()]
    for a in boxes:
        for b in boxes:
            if a is not b:
                apart = (
                    a["x"] + a["width"] <= b["x"] + 1
                    or b["x"] + b["width"] <= a["x"] + 1
                    or a["y"] + a["height"] <= b["y"] + 4
                    or b["y"] + b["height"] <= a["y"] + 4
                )
                assert apart, "labels overlap"
    described = page.locator("[aria-label*='On the Pareto front']")
    expect(described.nth(1), "a screen reader hears the numbers").to_be_attached()


def test_pick_for_me_offers_the_file_and_says_why_the_others_lost(
    page: Page, tiny_app: App, tiny_run
) -> None:
    open_part(page, tiny_app, "Pick for me", tiny_run.run.id)
    page.get_by_text("the smallest", exact=True).click()
    settle(page)

    picked = page.locator(".st-key-picked")
    expect(picked).to_be_visible()
    with page.expect_download() as download:
        # On a busy machine another button offers to time again.
        picked.get_by_role("button", name=re.compile(r"\.tflite")).click()
    name = download.value.suggested_filename.removesuffix(".tflite")
    content = Path(download.value.path()).read_bytes()
    assert len(content) == tiny_run.results.variants[name].file.size_bytes
    expect(page.get_by_text("A control, never recommended")).to_have_count(1)


def test_the_report_is_one_file_that_opens_without_a_network(
    page: Page, tiny_app: App, tiny_run, browser: Browser, tmp_path: Path
) -> None:
    open_part(page, tiny_app, "Numbers and files", tiny_run.run.id)
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Report, HTML").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)

    context = browser.new_context(offline=True)
    try:
        reader = context.new_page()
        asked, errors = [], []
        reader.on("request", lambda request: asked.append(request.url))
        reader.on("pageerror", lambda error: errors.append(str(error)))
        reader.goto(path.as_uri())
        expect(reader.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        expect(reader.locator(".js-plotly-plot").nth(8)).to_be_attached()
        expect(reader.locator(".js-plotly-plot")).to_have_count(reader.locator("figure").count())
        assert asked == [path.as_uri()] and errors == []
        expect(reader.get_by_role("heading", name="The trade-off")).to_be_visible()
    finally:
        context.close()


def test_the_json_download_is_the_runs_own_document(page: Page, tiny_app: App, tiny_run) -> None:
    open_part(page, tiny_app, "Numbers and files", tiny_run.run.id)
    with page.expect_download() as download:
        page.get_by_role("button", name="Results, JSON").click()

    assert json.loads(Path(download.value.path()).read_text("utf-8")) == tiny_run.results.plain


def test_photos_that_changed_are_seen(page: Page, tiny_app: App, tiny_run) -> None:
    comparison = tiny_run.results.variants["int8"].comparison
    differing = comparison.n - comparison.agreement.k
    if not differing:
        pytest.skip("int8 answers as float32 on every photo of this run")
    open_part(page, tiny_app, "Changed photos", tiny_run.run.id)

    photos = page.locator("[data-testid='stImage'] img")
    expect(photos).to_have_count(min(24, differing))
    page.wait_for_function(
        "image => image.complete && image.naturalWidth >= 64", arg=photos.first.element_handle()
    )


def test_two_runs_are_compared_and_what_differs_is_said(
    page: Page, tiny_app: App, tiny_run
) -> None:
    visit(page, tiny_app, "results", f"run={REFERENCE}&run={tiny_run.run.id}")

    expect(page.get_by_text("Accuracies of these runs cannot be compared")).to_be_visible()
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("Not tested against A")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_part_fits_a_phone(open_page: Callable[..., Page], tiny_app: App, theme: str) -> None:
    page = open_page(390, 844, theme)
    open_part(page, tiny_app, PARTS[0])
    for part in PARTS:
        choose_part(page, part)
        width = page.evaluate(
            "() => document.querySelector('[data-testid=\"stMain\"]').scrollWidth"
        )
        assert width <= 390, f"{part} is {width} pixels wide"
        expect(page.locator("[data-testid='stException']")).to_have_count(0)
        expect(page.get_by_text("This part of the page failed")).to_have_count(0)
