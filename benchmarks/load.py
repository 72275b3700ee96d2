"""Twenty visitors at once while a run trains: does the dashboard hold?

Starts the real dashboard on loopback and a small real run with QAT through the command line, on
the same new store. Visitors then read results, overview, Learn and Library, watch the run and send
photos, each thinking a few seconds in between. A few are real browsers; the others speak the
dashboard's protocol and draw nothing (``tests/browser/visitor.py``), because twenty browsers on two
cores would measure the browsers. Stops by itself.

    python benchmarks/load.py                       # 20 visitors, 2 of them browsers, 2 minutes
    python benchmarks/load.py --seconds 20 --visitors 4 --browsers 1 --no-twin

Printed: errors; seconds of page changes (from asking until the page's script has ended; in browsers
from the click until the heading is drawn, and until nothing moves any more), as n, median, 95th
percentile and slowest, arrivals apart; what photos took; memory of the dashboard; load of the
machine, and how much of it was none of ours; and whether the run found what the same experiment
finds in a store of its own with no visitor (its twin).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.async_api import async_playwright

from benchmarks.load_visitors import Browsed, browse, visit
from effq_core.base.settings import Home
from effq_core.store.database import Database
from pages.ui.common.navigation import PAGES
from tests.browser.app import chromium, serve
from tests.browser.visitor import Seen

RUN = (
    *("--variant", "int8,int8_qat", "--image-size", "96", "--calibration-size", "40"),
    *("--training-size", "600", "--epochs", "3", "--evaluation-size", "200", "--seed", "7"),
)
"""A small experiment whose training outlasts the visitors."""
_RUN_LIMIT = 900.0


@dataclass
class Machine:
    """Memory of the dashboard in bytes and load averages, sampled; processor seconds by whom."""

    memory: list[int] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)


async def sample(process: psutil.Process, machine: Machine) -> None:
    """Notes the dashboard's memory twice a second."""
    while True:
        machine.memory.append(process.memory_info().rss)
        machine.load.append(os.getloadavg()[0])
        await asyncio.sleep(0.5)


def processor(server: int, home: Path) -> dict[str, float]:
    """Returns processor seconds so far: all, the dashboard's, the visitors', the run's."""
    times = psutil.cpu_times()._asdict()
    idle = times["idle"] + times.get("iowait", 0.0) + times.get("guest", 0.0)
    found = {"all": sum(times.values()) - idle, "dashboard": 0.0, "visitors": 0.0, "run": 0.0}
    mine = {os.getpid(), *(each.pid for each in psutil.Process().children(recursive=True))}
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("EFFQ_HOME") == str(home)
            used = process.cpu_times()
        except psutil.Error:
            continue
        whose = "dashboard" if process.pid == server else "run" if ours else "visitors"
        if ours or process.pid in mine:
            found[whose] += used.user + used.system
    return found


async def crowd(
    url: str, server: int, home: Path, run: str, choices: argparse.Namespace
) -> tuple[list[Seen], Browsed, Machine]:
    """Lets everybody in until the time is over."""
    browsed, machine = Browsed(), Machine()
    before = processor(server, home)
    sampling = asyncio.ensure_future(sample(psutil.Process(server), machine))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        until = time.monotonic() + choices.seconds
        plain = [
            visit(url, number, run, until) for number in range(choices.visitors - choices.browsers)
        ]
        real = [browse(browser, url, n, until, browsed) for n in range(choices.browsers)]
        found = await asyncio.gather(*plain, *real)
        after = processor(server, home)
        machine.spent = {whose: after[whose] - before[whose] for whose in before}
        await browser.close()
    await asyncio.sleep(5)  # what visitors leave behind is part of the end
    sampling.cancel()
    return [each for each in found if isinstance(each, Seen)], browsed, machine


def start_run(home: Path, locks: Path) -> subprocess.Popen[str]:
    """Starts the run of a store."""
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "EFFQ_HOME": str(home), "TMPDIR": str(locks)}
    return subprocess.Popen(
        [sys.executable, "-m", "effq_core", "run", *RUN, "--json", "--quiet"],
        env=environment | {"EFFQ_ENGINE_IDLE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_id(home: Path) -> str:
    """Waits until the run is in the index; returns its id."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if Home(home).database.exists():
            database = Database(Home(home).database)
            try:
                if found := database.list_runs():
                    return found[0].id
            finally:
                database.close()
        time.sleep(0.2)
    raise SystemExit("The run was not started.")


def end_of(process: subprocess.Popen[str]) -> tuple[dict[str, Any], float]:
    """Waits for a run; returns what it found of each variant, and how long that took."""
    begun = time.monotonic()
    try:
        text, _ = process.communicate(timeout=_RUN_LIMIT)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise SystemExit(f"The run took longer than {_RUN_LIMIT:.0f} s.") from None
    if process.returncode:
        raise SystemExit(f"The run failed: {text[-2000:]}")
    variants = json.loads(text)["results"]["variants"]
    kept = {
        name: {key: each.get(key) for key in ("file", "accuracy")}
        for name, each in variants.items()
    }
    return kept, time.monotonic() - begun


def figures(what: str, seconds: Sequence[float]) -> str:
    """Returns a line of n, median, 95th percentile and slowest."""
    if not seconds:
        return f"{what:<34}{0:>6}"
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]
    return (
        f"{what:<34}{len(ordered):>6}{statistics.median(ordered):>9.2f}"
        f"{p95:>8.2f}{ordered[-1]:>8.2f}"
    )


def report(found: list[Seen], browsed: Browsed, machine: Machine) -> int:
    """Prints what was seen; returns the number of errors."""
    errors = [error for seen in found for error in seen.errors] + browsed.errors
    print(f"errors: {len(errors)}")
    for error in errors[:10]:
        print(f"  {error}")
    print(f"asked to try again: {sum(seen.busy for seen in found)} times")
    print(f"{'seconds':<34}{'n':>6}{'median':>9}{'p95':>8}{'slowest':>8}")
    # Who arrives first waits until the server has loaded its pages; that is no page change.
    print(figures("arrival, protocol", [seen.changes[0][1] for seen in found if seen.changes]))
    changes = [change for seen in found for change in seen.changes[1:]]
    print(figures("page change, protocol", [seconds for _, seconds in changes]))
    for card in PAGES:
        print(figures(f"  {card.name}", [s for name, s in changes if name == card.name]))
    print(figures("page change, browser: heading", browsed.headings))
    print(figures("page change, browser: complete", browsed.complete))
    print(figures("photos sent and answered (1 to 3)", [s for seen in found for s in seen.answers]))
    print(figures("  of it a photo's way", [s for seen in found for s in seen.uploads]))
    print(f"parts that drew themselves again: {sum(seen.watched for seen in found)}")
    mib = [each / 2**20 for each in machine.memory]
    print(
        f"memory of the dashboard, MiB: {mib[0]:.0f} at first, {max(mib):.0f} at most, "
        f"{mib[-1]:.0f} at the end"
    )
    print(f"load average: {machine.load[0]:.1f} at first, {max(machine.load):.1f} at most")
    spent = machine.spent
    others = spent["all"] - sum(each for whose, each in spent.items() if whose != "all")
    print(
        f"processor seconds: dashboard {spent['dashboard']:.0f}, run {spent['run']:.0f}, visitors "
        f"{spent['visitors']:.0f}, programs that are none of ours {others:.0f}"
    )
    return len(errors)


def main() -> int:
    """Runs everything and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=2, help="how many of them are browsers")
    parser.add_argument("--seconds", type=float, default=120.0, help="at most 600")
    parser.add_argument("--no-twin", action="store_true", help="do not run the experiment again")
    choices = parser.parse_args()
    choices.seconds = min(choices.seconds, 600.0)
    choices.visitors = min(choices.visitors, 100)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        locks = folder / "locks"
        locks.mkdir()
        home = folder / "home"
        run = start_run(home, locks)
        try:
            started = run_id(home)
            with serve(home, TMPDIR=str(locks)) as app:
                seen, browsed, machine = asyncio.run(
                    crowd(app.url, app.process.pid, home, started, choices)
                )
                print(f"the run was {'over' if run.poll() is not None else 'still going on'}")
                errors = report(seen, browsed, machine)
            results, more = end_of(run)
        finally:
            if run.poll() is None:
                run.terminate()
        print(f"the run finished, {more:.0f} s after the last visitor had left")
        if not choices.no_twin:
            twin, took = end_of(start_run(folder / "twin", locks))
            same = json.dumps(twin, sort_keys=True) == json.dumps(results, sort_keys=True)
            print(f"its twin alone took {took:.0f} s; the files and accuracies are", end=" ")
            print("the same" if same else "NOT the same")
            errors += not same
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
