from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.photos.incoming.archive import unpack
from effq_core.photos.incoming.found import Found
from effq_core.photos.incoming.limits import Limits
from tests.photos.incoming.ingest_helpers import SMALL, Quiet


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def opened(tmp_path: Path):
    def unpacked(content: bytes, limits: Limits = SMALL, reporter: Quiet | None = None) -> Found:
        given = tmp_path / "given.zip"
        given.write_bytes(content)
        into = tmp_path / "into"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        found = unpack(given, into, limits, reporter or Quiet())
        # Whatever the names were: what is on the disk has names of ours, in one folder.
        assert {path.name for path in into.iterdir()} == {file.path for file in found.files}
        assert all(path.name.isdecimal() and path.is_file() for path in into.iterdir())
        for file in found.files:
            assert (into / file.path).stat().st_size == file.bytes
        return found

    return unpacked
