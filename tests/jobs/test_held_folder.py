from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from effq_core.jobs.held_folder import HeldFolder, abandoned, sweep

_KILLED = """
import os, sys
from pathlib import Path
from effq_core.jobs.held_folder import HeldFolder
held = HeldFolder(Path(sys.argv[1]), Path(sys.argv[2]), parts=["in"])
(held.path / "in" / "file").write_bytes(b"gigabytes")
os._exit(0)
"""


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    return tmp_path / ".guard"


def test_it_goes_when_closed_or_forgotten_and_stays_where_it_became_something_else(
    tmp_path: Path, guard: Path
) -> None:
    with HeldFolder(tmp_path / "all" / "a", guard, parts=["in"]) as held:
        assert held.is_open
        assert [path.name for path in held.path.iterdir()] == ["in"]
        assert held.path.stat().st_mode & 0o777 == 0o700
    held.close()
    assert not held.is_open
    assert not held.path.exists()

    forgotten = HeldFolder(tmp_path / "all" / "b", guard)
    del forgotten
    gc.collect()
    assert list((tmp_path / "all").iterdir()) == []

    with HeldFolder(tmp_path / "all" / "c", guard) as renamed:
        renamed.path.rename(tmp_path / "kept")
    assert (tmp_path / "kept").is_dir()


def test_only_what_a_killed_process_has_left_is_swept(tmp_path: Path, guard: Path) -> None:
    top = tmp_path / "all"
    assert sweep(top, "*", guard) == []
    mine = HeldFolder(top / "mine", guard)
    left = top / "left"
    subprocess.run([sys.executable, "-c", _KILLED, str(left), str(guard)], check=True)
    (top / "file").touch()
    assert abandoned([mine.path, left, top / "file", top / "gone"]) == [left]
    assert left.exists()
    assert sweep(top, "*", guard) == [left]
    assert sorted(path.name for path in top.iterdir()) == ["file", "mine"]
    mine.close()
