"""From a bundle's download to a device's timings in the chart, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.app import App, settle, visit


def test_a_bundle_is_downloaded_run_and_its_timings_charted(
    fresh_app: App, page: Page, tmp_path: Path
) -> None:
    visit(page, fresh_app, "results", "part=Numbers+and+files")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="int8.zip").click()
    archive = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(archive)
    assert archive.name == "efficientnetv2_b0_imagenette-int8.zip"
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(tmp_path)

    folder = tmp_path / archive.stem
    subprocess.run(
        [
            *(sys.executable, folder / "bench.py", "--device", "A board"),
            *("--to", "timings.json", "--wait", "0"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        check=True,
    )
    visit(page, fresh_app, "results", "part=Speed")
    expect(page.get_by_text("Nothing is imported yet")).to_be_visible()
    page.locator("[data-testid='stFileUploader'] input").set_input_files(tmp_path / "timings.json")
    expect(page.get_by_text("Timings of A board imported.")).to_be_visible()
    settle(page)
    chart = page.locator("[data-testid='stPlotlyChart']").last
    chart.scroll_into_view_if_needed()
    expect(chart).to_contain_text("A board")
    expect(chart).to_contain_text("run's host")
    expect(page.get_by_text("Nothing is imported yet")).to_have_count(0)

    visit(page, fresh_app, "results", "part=Speed")
    expect(page.locator("[data-testid='stPlotlyChart']").last).to_contain_text("A board")

    table = page.locator("[data-testid='stDataFrame']").last
    table.scroll_into_view_if_needed()
    table.click(position={"x": 20, "y": 52})  # the first row's box
    settle(page)
    page.get_by_role("button", name="Delete 1 import").click()
    expect(page.get_by_text("Nothing is imported yet")).to_be_visible()
    assert list((fresh_app.home / "device_timings").rglob("*.json")) == []
