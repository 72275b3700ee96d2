"""Cancelled, given up, killed or out of space: nothing of a draft is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from effq_core.base.errors import Cancelled, DatasetError, StoreError
from effq_core.base.settings import Home
from effq_core.photos.incoming import upload
from effq_core.photos.incoming.draft import Draft, sweep_drafts
from effq_core.photos.incoming.upload import look_at_files
from effq_core.photos.own_photos import own_photos
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.usage import take_inventory, usage
from tests.photos.incoming.ingest_helpers import ROOT, Quiet, given, left_behind, two_classes


def test_looking_can_be_cancelled(home: Home) -> None:
    class Stop(Quiet):
        def check_cancelled(self) -> None:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        look_at_files(home, given(*two_classes()), Stop())
    assert left_behind(home.root) == []


def test_looking_reports(home: Home) -> None:
    reporter = Quiet()
    look_at_files(home, given(*two_classes()), reporter)
    assert ("files unpacked", 6) in {(unit, total) for _, total, unit in reporter.reports}
    assert (4, 6, "photos looked at") in reporter.reports


def test_what_is_given_up_or_forgotten_is_gone(home: Home) -> None:
    found = look_at_files(home, given(*two_classes()))
    assert found.draft.path.is_dir()
    found.close()
    found.close()
    assert left_behind(home.root) == []
    with pytest.raises(DatasetError, match="no longer here"):
        found.add(home, "Late")
    forgotten = look_at_files(home, given(*two_classes()))
    path = forgotten.draft.path
    del forgotten
    assert not path.exists()


def test_what_a_killed_process_leaves_is_swept_and_what_is_in_use_is_not(home: Home) -> None:
    code = (
        "import os, sys; from pathlib import Path; from effq_core.base.settings import Home\n"
        "from effq_core.photos.incoming.draft import Draft\n"
        f"draft = Draft(Home(Path({str(home.root)!r}))); (draft.photos / 'x').write_bytes(b'x')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert len(left_behind(home.root)) == 2
    database = Database(home.database)
    used = usage(home, take_inventory(home, database))
    assert used.unused == 1
    mine = Draft(home)  # making one sweeps, too
    assert not list(home.datasets.glob(".adding-*/photos/x"))
    (mine.photos / "y").write_bytes(b"y")
    assert sweep_drafts(home) == 0
    free_unused(home, database)
    assert (mine.photos / "y").exists()
    mine.close()
    assert not list(home.datasets.glob(".adding-*"))


def test_a_disk_that_fills_while_adding_leaves_no_dataset(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = look_at_files(home, given(*two_classes()))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(home.root))

    monkeypatch.setattr(upload, "write_json", full)
    with pytest.raises(StoreError, match="no space left"):
        found.add(home, "Full")
    assert own_photos(home) == ()
    assert left_behind(home.root) == []
    assert not list(home.datasets.glob("own/*"))


def test_a_disk_without_room_is_said_before_anything_is_written(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "KEEP_FREE", 1 << 62)
    with pytest.raises(DatasetError, match="not enough space"):
        look_at_files(home, given(*two_classes()))
    assert left_behind(home.root) == []
