"""The dashboard's process: no TensorFlow in it, and the core without the dashboard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
VIEWS = sorted(path.stem for path in (ROOT / "pages" / "views").glob("*.py"))

_VISIT = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=60)
app.run()
for view in sys.argv[1:]:
    app.switch_page(f"pages/views/{view}.py")
    app.run()
    assert not app.exception, (view, app.exception)
heavy = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"} & set(sys.modules)
assert not heavy, heavy
"""

_CORE = """
import importlib, pkgutil, sys
import effq_core
heavy = ("effq_core.pipeline.stages", "effq_core.quantize", "effq_core.models")
for module in pkgutil.walk_packages(effq_core.__path__, "effq_core."):
    if not module.name.startswith(heavy) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert "streamlit" not in sys.modules
"""


def _python(code: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_page_is_known() -> None:
    from pages.ui.common.navigation import PAGES

    assert sorted(card.name for card in PAGES) == VIEWS


def test_every_page_but_the_first_has_a_door_for_a_fresh_server() -> None:
    from pages.ui.common.navigation import PAGES

    doors = {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert doors == {card.name for card in PAGES[1:]}


def test_visiting_every_page_imports_no_tensorflow(tiny_run: Any) -> None:
    _python(_VISIT, *VIEWS, EFFQ_HOME=str(tiny_run.home.root))


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_shows_no_error_on_an_empty_store(view: str, tmp_path: Path) -> None:
    _python(_VISIT, view, EFFQ_HOME=str(tmp_path / "home"))


def test_the_core_never_imports_the_dashboard() -> None:
    _python(_CORE)


def test_no_file_of_the_core_names_streamlit() -> None:
    for path in (ROOT / "effq_core").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            assert not (words[:1] in (["import"], ["from"]) and "streamlit" in line), path
