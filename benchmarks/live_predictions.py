"""How soon do all variants answer an uploaded photo, and how much memory does the dashboard hold?

Without a browser: loading the variants, reading a photo of a phone's size (12 megapixels) and of a
web page's, and the answers of all variants of the reference run. With `--browser` also the real
dashboard in headless Chromium: from handing over the file to all charts being drawn, and the
dashboard's memory before the first photo, after it, and after twenty.

The exit code is 1 if all variants together need more than 300 ms, or the dashboard holds more than
500 MB. Nothing else should use the cores.

    python benchmarks/live_predictions.py --browser
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from PIL import Image

from effq_core.models.samples import samples_for
from effq_core.photos.uploads import MAX_PHOTOS, read_upload
from effq_core.predict.variant_answers import Predictor
from effq_core.results import load_reference

MOST_MS, MOST_MB = 300, 500
SIZES = {"phone, 12 megapixels": (4000, 3000), "web page": (800, 600)}


def photo(size: tuple[int, int], number: int = 0) -> bytes:
    """Returns a real photo as JPEG, scaled to a size in pixels."""
    samples = samples_for(())
    buffer = io.BytesIO()
    sample = Image.open(samples[number % len(samples)].path).convert("RGB")
    sample.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def timed(work: Callable[[], object]) -> float:
    """Returns how long a call takes, in milliseconds."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def measure_core(rounds: int) -> float:
    """Prints the times without a browser; returns the slowest answer in milliseconds."""
    results = load_reference()
    loading = [timed(lambda: Predictor(results)) for _ in range(3)]
    predictor = Predictor(results)
    print(f"{len(predictor.variants)} variants, {predictor.image_size} px, one thread")
    print(f"load                      {statistics.median(loading):6.1f} ms")
    worst = 0.0
    for name, size in SIZES.items():
        content = photo(size)
        reading = [timed(lambda c=content: read_upload(c, "x.jpg", 224)) for _ in range(rounds)]
        pixels = read_upload(content, "x.jpg", predictor.image_size).pixels
        answering = [timed(lambda p=pixels: predictor.answer(p)) for _ in range(rounds)]
        worst = max(worst, *answering)
        print(
            f"{name:<22} read {statistics.median(reading):6.1f} ms, then all answer in "
            f"{statistics.median(answering):6.1f} ms (slowest {max(answering):.1f})"
        )
    return worst


def measure_dashboard(rounds: int) -> float:
    """Prints what a visitor waits and the memory; returns the most memory in MB."""
    from playwright.sync_api import sync_playwright

    from tests.browser.app import launch, serve, settle, visit

    bars = "[class*='st-key-predictions_bars_']"
    drawn = f'() => document.querySelectorAll("{bars} .annotation-text").length >= 50'
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        home.mkdir()
        with serve(home) as app:
            server = psutil.Process(app.process.pid)

            def memory(when: str) -> float:
                used = server.memory_info().rss / 1e6
                print(f"dashboard {when:<24} {used:6.0f} MB")
                return used

            browser = launch(playwright)
            page = browser.new_page()
            visit(page, app, "overview")
            memory("before the first photo")
            waits = []
            for number in range(rounds):
                visit(page, app, "predictions", "run=reference")
                path = Path(folder) / f"{number}.jpg"
                path.write_bytes(photo(SIZES["web page"], number))
                chooser = page.locator(".st-key-predictions_upload input[type=file]")
                start = time.perf_counter()
                chooser.set_input_files(path)
                page.wait_for_function(drawn, polling=10)
                waits.append(1000 * (time.perf_counter() - start))
            print(
                f"from choosing the file to five charts: first {waits[0]:.0f} ms, then median "
                f"{statistics.median(waits[1:]):.0f} ms"
            )
            most = memory("with five variants loaded")
            paths = []
            for number in range(MAX_PHOTOS):
                paths.append(Path(folder) / f"phone{number}.jpg")
                paths[-1].write_bytes(photo(SIZES["phone, 12 megapixels"], number))
            visit(page, app, "predictions", "run=reference")
            page.locator(".st-key-predictions_upload input[type=file]").set_input_files(paths)
            page.wait_for_selector(".st-key-predictions_table", timeout=120_000)
            settle(page, 120_000)
            memory(f"with {MAX_PHOTOS} phone photos")
            browser.close()
            return most


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--browser", action="store_true", help="measure the dashboard, too")
    choices = parser.parse_args()
    failed = measure_core(choices.rounds) > MOST_MS
    if choices.browser:
        failed |= measure_dashboard(max(3, choices.rounds // 4)) > MOST_MB
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
