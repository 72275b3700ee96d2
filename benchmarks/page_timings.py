"""How long do the dashboard's pages take in a real browser, with many runs stored?

Starts the dashboard on a copy of a store whose newest finished run is entered again and again
until there are ``--runs``, and visits every page in headless Chromium. Printed for each page, as
median and slowest of ``--repeats``:

* first paint: from the request until the browser has drawn something at all (its own figure,
  first-contentful-paint), in a new tab of a browser that has the scripts already;
* heading: until the page's own heading is drawn; ready: until its script has ended;
* change: from the click in the navigation until the new page's heading is drawn, and until it is
  ready.

At the end, the memory of the dashboard's process, with the variants of a run loaded.

    python benchmarks/page_timings.py --home ~/.local/share/effq-studio --runs 50
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from effq_core.base.run_ids import new_run_id
from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.store.rows import Status
from pages.ui.common.navigation import PAGES
from tests.browser.app import App, address, launch, serve, settle

_HEADINGS = {card.name: card.title for card in PAGES} | {"overview": "EffQ Studio"}


def fill(home: Home, wanted: int) -> int:
    """Enters the newest finished run until there are so many; returns how many there are."""
    database = Database(home.database)
    try:
        runs = database.list_runs()
        newest = next((run for run in runs if run.status is Status.FINISHED), None)
        if newest is None:
            raise SystemExit("The store has no finished run: make one with `effq run`.")
        for number in range(len(runs), wanted):
            copy = replace(newest, id=new_run_id(newest.created - number), name=f"copy {number}")
            if database.insert_run(copy):
                stages = database.stages(newest.id)
                database.upsert_stages([replace(stage, run_id=copy.id) for stage in stages])
        return len(database.list_runs())
    finally:
        database.close()


def drawn(page: Page, name: str) -> None:
    """Waits until a page's heading is there."""
    page.get_by_role("heading", name=_HEADINGS[name], exact=True).wait_for()


_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def first_visits(
    context: BrowserContext, url: str, heading: str, repeats: int
) -> list[tuple[float, ...]]:
    """Opens a page in new tabs; seconds to the first paint, its heading and until it is ready."""
    found = []
    for _ in range(repeats):
        page = context.new_page()
        start = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        drawn_after = time.perf_counter() - start
        settle(page)
        ready = time.perf_counter() - start
        found.append((float(page.evaluate(_PAINT)) / 1000, drawn_after, ready))
        page.close()
    return found


def changes(browser: Browser, app: App, repeats: int) -> dict[str, list[tuple[float, ...]]]:
    """Goes round the pages in one session; seconds to each heading and until it is ready."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address(app.url, "overview"))
    settle(page)
    found: dict[str, list[tuple[float, ...]]] = {card.name: [] for card in PAGES}
    for _ in range(repeats):
        for card in (*PAGES[1:], PAGES[0]):
            link = page.get_by_role("link", name=card.title, exact=True).first
            start = time.perf_counter()
            link.click()
            drawn(page, card.name)
            paint = time.perf_counter() - start
            page.wait_for_timeout(20)
            settle(page)
            found[card.name].append((paint, time.perf_counter() - start))
    page.close()
    return found


def _cell(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({max(values):5.2f})"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True, help="a store with a finished run")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        shutil.copytree(choices.home, home)
        print(f"{fill(Home(home), choices.runs)} runs stored")
        browser = launch(playwright)
        with serve(home) as app:
            server = psutil.Process(app.process.pid)
            context = browser.new_context(viewport={"width": 1440, "height": 900})

            def visits(name: str, repeats: int) -> list[tuple[float, ...]]:
                return first_visits(context, address(app.url, name), _HEADINGS[name], repeats)

            # The first visit of all imports the pages' modules and fills the browser's cache.
            _, heading, ready = visits("overview", 1)[0]
            print(f"very first visit: heading {heading:.2f} s, ready {ready:.2f} s")
            first = {card.name: visits(card.name, choices.repeats) for card in PAGES}
            changed = changes(browser, app, choices.repeats)
            print("seconds: median (slowest)")
            titles = ("first paint", "heading", "ready", "change", "ready")
            print(f"{'page':<12}" + "".join(f"{title:>16}" for title in titles))
            for card in PAGES:
                columns = [*zip(*first[card.name], strict=True)]
                columns += [*zip(*changed[card.name], strict=True)]
                print(f"{card.name:<12}" + "".join(f"{_cell(list(c)):>16}" for c in columns))
            print(f"memory of the dashboard: {server.memory_info().rss / 2**20:.0f} MiB resident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
