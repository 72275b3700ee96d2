"""Starting the real dashboard and a real browser, for tests and for looking at pages."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.leftovers import end_processes

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (1440, 390)
THEMES = ("light", "dark")
_IDLE = "[data-testid='stApp'][data-test-script-state='notRunning']"


def chromium() -> str | None:
    """Returns the path of an installed Chromium."""
    return os.environ.get("EFFQ_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")


def launch(playwright: Playwright, *extra: str) -> Browser:
    return playwright.chromium.launch(
        executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", *extra]
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class App:
    """A running dashboard.

    Attributes:
        url: Its address.
        process: The server.
    """

    def __init__(self, home: Path, port: int, cwd: Path = ROOT, **environment: str) -> None:
        self.home, self.port, self.cwd = home, port, cwd
        self.url = f"http://127.0.0.1:{port}"
        self.environment = environment
        self.process = self._start()

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "streamlit", "run", "streamlit_app.py"),
            *("--server.port", str(self.port), "--server.address", "127.0.0.1"),
        ]

    def _start(self) -> subprocess.Popen[bytes]:
        log = self.home.parent / f"dashboard-{self.port}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(),
                cwd=self.cwd,
                env={**os.environ, "EFFQ_HOME": str(self.home), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"The dashboard ended: {log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):  # noqa: S310
                    return process
            except OSError:
                time.sleep(0.2)
        process.kill()
        raise RuntimeError(f"The dashboard did not answer: {log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.process = self._start()


@contextmanager
def serve(home: Path, **environment: str) -> Iterator[App]:
    """Runs the dashboard on a store while the block runs, and ends what it has started there.

    Drivers and engines survive a dashboard. An idle engine would keep gigabytes for minutes, and
    what comes next would be slow for it.
    """
    app = App(home, free_port(), **environment)
    try:
        yield app
    finally:
        app.stop()
        end_processes(home)


def settle(page: Page, timeout: float = 30_000) -> None:
    """Waits until the script has run and what it drew is there."""
    page.wait_for_selector(_IDLE, timeout=timeout)
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=\"stSkeleton\"]')", timeout=timeout
    )


def until(page: Page, true: Callable[[], bool], what: str, timeout: float = 25_000) -> None:
    """Waits until something holds that no single element says, such as a number past a bound.

    A slider that is moved by several keys may be answered once or at each of them, so that what
    is shown first need not be what stays.
    """
    deadline = time.monotonic() + timeout / 1000
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"It did not come to pass that {what}.")
        page.wait_for_timeout(100)


def address(app: str, name: str, query: str = "") -> str:
    """Returns a page's address; the first page has none of its own."""
    return f"{app}/{'' if name == 'overview' else name}{'?' + query if query else ''}"


def visit(page: Page, app: App, name: str, query: str = "", timeout: float = 30_000) -> None:
    """Opens a page of the dashboard and waits for it."""
    page.goto(address(app.url, name, query))
    settle(page, timeout)


def pick(page: Page, field: Locator, text: str, *, key: str | None = None) -> None:
    """Chooses from a list that opens under a field: by a click, or by a key where one is given.

    A rerun that ends meanwhile closes the list again, so it is opened until the choice was made.
    """
    option = page.get_by_role("option", name=re.compile(f"^{re.escape(text)}"))
    for _ in range(20):
        settle(page)
        if not option.is_visible():
            field.press(key) if key else field.click()
        try:
            option.click(timeout=1500)
        except PlaywrightTimeout:
            continue
        settle(page)
        return
    raise AssertionError(f"{text!r} could not be chosen")
