"""The Learn page in a real browser: sliders, links to a part, a phone's width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App, settle, until, visit

PARTS = ("weights", "ranges", "fake-quant", "training")


def metric(page: Page, label: str) -> float:
    box = page.locator("[data-testid='stMetric']").filter(has_text=label)
    text = box.locator("[data-testid='stMetricValue']").inner_text()
    return float(text.removesuffix(" dB").replace("−", "-").replace("× ", ""))


def press(page: Page, key: str, name: str, times: int = 1) -> None:
    """Moves a slider by its keyboard."""
    thumb = page.locator(f".st-key-{key} input[type=range]")
    thumb.focus()
    for _ in range(times):
        thumb.press(name)
    settle(page)


def test_moving_the_bits_by_keyboard_redraws_the_grid(page: Page, empty_app: App) -> None:
    visit(page, empty_app, "learn", "run=reference")
    before = metric(page, "SQNR of the layer")
    press(page, "learn_bits", "ArrowRight", 2)
    expect(page.locator(".st-key-learn_bits")).to_contain_text("6")
    # Two keys a moment apart are two redraws: the first shows five bits, 6 dB more.
    until(page, lambda: metric(page, "SQNR of the layer") > before + 8, "two bits give 12 dB")
    expect(page.locator(".st-key-learn_weights_chart .js-plotly-plot")).to_have_count(1)


def test_more_photos_coarsen_min_max_and_the_link_leads_back_to_the_part(
    page: Page, empty_app: App
) -> None:
    visit(page, empty_app, "learn", "run=reference&part=ranges")
    expect(page.get_by_text("Why can more calibration photos make int8 worse?")).to_be_visible()
    # While a fragment runs again Streamlit keeps what it drew before, marked as retained.
    chart = page.locator(".st-key-learn_ranges_chart:not([data-retained=true])")
    expect(chart).to_contain_text("−1.04 to 0.907")
    press(page, "learn_images", "ArrowRight", 5)
    expect(page.locator(".st-key-learn_images")).to_contain_text("500")
    expect(chart).not_to_contain_text("−1.04 to 0.907")
    page.get_by_role("radio", name="4 · Fake-quant").or_(
        page.get_by_role("button", name="4 · Fake-quant")
    ).first.click()
    expect(page.get_by_text("How can a network train through rounding?")).to_be_visible()
    assert "part=fake-quant" in page.url
    page.reload()
    settle(page)
    expect(page.get_by_text("How can a network train through rounding?")).to_be_visible()


def test_a_value_pushed_out_of_the_range_gets_no_gradient(page: Page, empty_app: App) -> None:
    visit(page, empty_app, "learn", "run=reference&part=fake-quant")
    assert metric(page, "Gradient") == 1
    press(page, "learn_fake_value", "End")
    expect(page.locator("[data-testid='stMetricValue']").last).to_have_text("× 0")


def test_a_finished_run_shows_its_own_tensors(page: Page, tiny_app: App) -> None:
    visit(page, tiny_app, "learn", "part=ranges")
    expect(page.get_by_text("20 calibration photos of this run")).to_be_visible()


@pytest.mark.parametrize("part", PARTS)
def test_a_phone_shows_every_part_without_scrolling_sideways(
    open_page: Callable[..., Page], empty_app: App, part: str
) -> None:
    page = open_page(width=390, height=844, theme="dark")
    visit(page, empty_app, "learn", f"run=reference&part={part}")
    page.wait_for_timeout(500)
    main = page.locator("[data-testid='stMain']")
    width, inner = main.evaluate("e => [e.clientWidth, e.scrollWidth]")
    assert inner <= width
    for chart in page.locator(".js-plotly-plot").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_charts_have_alternative_text(page: Page, empty_app: App) -> None:
    visit(page, empty_app, "learn", "run=reference&part=training")
    page.wait_for_selector(".js-plotly-plot")
    labels = page.locator("[aria-label*='95 % interval'], [alt*='95 % interval']")
    expect(labels.first).to_be_attached()
