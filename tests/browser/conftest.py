"""A real browser for the tests of this folder. Without Chromium they skip, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import app as dashboard
from tests.browser.app import App

# Playwright waits five seconds by itself, and two busy cores may need more to draw a page.
expect.set_options(timeout=25_000)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens browser pages; fails a test whose page had an error in its own scripts."""
    contexts, errors = [], []

    def new(width: int = 1440, height: int = 900, theme: str = "light", **more: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield new
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture(scope="session")
def empty_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The dashboard on a store without any run. Tests that add runs take ``fresh_app``."""
    home = tmp_path_factory.mktemp("empty") / "home"
    home.mkdir()
    with dashboard.serve(home) as app:
        yield app


@pytest.fixture(scope="session")
def tiny_app(
    browser: Browser, tiny_run: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    """The dashboard on a copy of the store with one small finished run."""
    home = tmp_path_factory.mktemp("tiny_app") / "home"
    shutil.copytree(tiny_run.home.root, home)
    with dashboard.serve(home) as app:
        yield app


@pytest.fixture
def fresh_app(browser: Browser, tmp_path: Path, tiny_run: Any) -> Iterator[App]:
    """The dashboard on a copy of that store, for a test that changes it."""
    home = tmp_path / "home"
    shutil.copytree(tiny_run.home.root, home)
    locks = tmp_path / "tmp"
    locks.mkdir()
    with dashboard.serve(home, TMPDIR=str(locks)) as app:
        yield app
