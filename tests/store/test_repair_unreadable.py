"""What cannot be read is told from what is damaged, and stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.care.own_content import look_through
from effq_core.store.artifacts import ArtifactStore
from tests.store.conftest import Effq


def test_a_timing_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = home.device_timings / ("ab" * 32) / "t.json"
    path.parent.mkdir(parents=True)
    path.symlink_to("x" * 300)
    (problem,) = look_through(home).problems
    assert str(path) in problem
    assert "Delete it" not in problem


def test_what_cannot_be_read_is_named_and_left_as_it_is(
    tmp_path: Path, effq: Effq, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    store = ArtifactStore(home)
    for number in range(3):
        with store.create("convert", f"{number:064x}", {}) as draft:
            (draft.path / "empty").touch()
    bytes_fail, manifest_fails = (store.path("convert", f"{number:064x}") for number in (1, 2))
    (bytes_fail / "empty").unlink()
    (bytes_fail / "empty").symlink_to("/proc/self/mem")  # an empty file whose reading fails
    (manifest_fails / "manifest.json").unlink()
    (manifest_fails / "manifest.json").symlink_to("x" * 300)
    monkeypatch.setenv("EFFQ_HOME", str(home.root))

    answer = effq("doctor", "--offline", "--repair", "--json")

    told = json.loads(answer.stdout)["repair"]
    assert answer.exit_code == 1
    assert (told["artifacts"], told["quarantined"]) == (1, [])
    assert [
        str(path) in text
        for path, text in zip((bytes_fail, manifest_fails), told["unreadable"], strict=True)
    ] == [True, True]
    assert all(text.endswith("It was left as it is.") for text in told["unreadable"])
    assert bytes_fail.is_dir()
    assert manifest_fails.is_dir()
