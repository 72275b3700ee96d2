"""Takes pictures of pages at 1440 and 390 pixels, light and dark, to be looked at.

python tests/browser/shoot.py results learn --home ~/.local/share/effq-studio --query run=reference
python tests/browser/shoot.py experiment --url http://127.0.0.1:8501 --only 1440-light
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.app import THEMES, WIDTHS, address, launch, serve, settle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--home", type=Path, help="EFFQ_HOME; an empty one where not given")
    parser.add_argument("--url", help="a dashboard that runs already")
    parser.add_argument("--query", default="")
    parser.add_argument("--only", help="such as 390-dark")
    parser.add_argument("--to", type=Path, default=Path(tempfile.gettempdir()) / "shots")
    parser.add_argument("--click", action="append", default=[], help="text to click first")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds before the picture")
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--fold", action="store_true", help="only what the window shows")
    choices = parser.parse_args()
    choices.to.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if choices.url:
            url = choices.url
        else:
            home = choices.home or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
            home.mkdir(exist_ok=True)
            url = stack.enter_context(serve(home)).url
        browser = launch(stack.enter_context(sync_playwright()))
        for name in choices.pages:
            for width in WIDTHS:
                for theme in THEMES:
                    if choices.only and choices.only != f"{width}-{theme}":
                        continue
                    context = browser.new_context(
                        viewport={"width": width, "height": choices.height}, color_scheme=theme
                    )
                    page = context.new_page()
                    page.goto(address(url, name, choices.query))
                    settle(page)
                    for text in choices.click:
                        page.get_by_text(text, exact=True).first.click()
                        settle(page)
                    page.wait_for_timeout(1000 * choices.wait)
                    # The page scrolls inside an element: grow the window to its whole height.
                    height = page.evaluate(
                        "() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight"
                    )
                    if not choices.fold:
                        whole = min(int(height) + 60, 9000)
                        page.set_viewport_size({"width": width, "height": whole})
                        page.wait_for_timeout(700)
                    target = choices.to / f"{name}-{width}-{theme}.png"
                    page.screenshot(path=target)
                    sys.stdout.write(f"{target}\n")
                    context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
