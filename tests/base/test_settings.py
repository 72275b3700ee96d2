"""A relative ``EFFQ_HOME`` is one place, wherever a process works, and is said once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from effq_core.base.settings import Home, settle_home

ROOT = Path(__file__).resolve().parents[2]

_PAGES = """
from streamlit.testing.v1 import AppTest
for _ in range(2):
    app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
    assert not app.exception
"""


def _run(arguments: list[str], home: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"EFFQ_HOME": home, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_a_relative_home_is_made_absolute_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EFFQ_HOME", "store")
    told = settle_home()
    assert "'store'" in told and str(tmp_path / "store") in told
    assert os.environ["EFFQ_HOME"] == str(tmp_path / "store")
    monkeypatch.chdir("/")
    assert Home.from_environment().root == tmp_path / "store", "wherever the process goes"
    assert settle_home() == ""


@pytest.mark.parametrize("given", [None, "", "/srv/effq", "~/effq"])
def test_any_other_home_is_left_as_it_is(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is None:
        monkeypatch.delenv("EFFQ_HOME", raising=False)
    else:
        monkeypatch.setenv("EFFQ_HOME", given)
    assert settle_home() == ""
    assert os.environ.get("EFFQ_HOME") == given


def test_the_command_line_says_it_on_standard_error_only(tmp_path: Path) -> None:
    done = _run(["-m", "effq_core", "runs", "--json"], "my store", tmp_path)
    assert json.loads(done.stdout) == []
    assert done.stderr.count(str(tmp_path / "my store")) == 1
    assert (tmp_path / "my store").is_dir()
    absolute = _run(["-m", "effq_core", "runs", "--json"], str(tmp_path / "my store"), tmp_path)
    assert absolute.stderr == ""


def test_the_dashboard_says_it_once_a_server(tmp_path: Path) -> None:
    home = os.path.relpath(tmp_path / "pages", ROOT)
    done = _run(["-c", _PAGES], home, ROOT)
    assert done.stderr.count(f"the store is {tmp_path / 'pages'}") == 1
