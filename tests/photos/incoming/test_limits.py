"""How much is taken at once, and from how many."""

from __future__ import annotations

import pytest

from effq_core.base.errors import BusyError, DatasetError
from effq_core.base.settings import Home
from effq_core.jobs.limits import LOOKING
from effq_core.photos.incoming.limits import VISITORS, Limits
from effq_core.photos.incoming.upload import look_at_files
from tests.photos.incoming.ingest_helpers import ROOT, given, left_behind, two_classes


def test_too_much_at_once_is_refused_before_anything_is_written(home: Home) -> None:
    limits = Limits(given_bytes=1000, entries=3, unpacked_bytes=1000)
    for files in ([("a.png", bytes(1001))], [(f"{n}.png", b"x") for n in range(4)]):
        with pytest.raises(DatasetError, match="There are"):
            look_at_files(home, files, limits=limits)
    assert not home.datasets.exists()


def test_only_so_many_are_looked_at_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOOKING, "patience", 0.5)
    with (
        LOOKING.enter(LOOKING.most),
        pytest.raises(BusyError, match="The server is busy with 2 uploads"),
    ):
        look_at_files(home, given(*two_classes()))
    assert left_behind(home.root) == []


def test_visitors_may_send_no_more_than_the_server_takes() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text()
    assert f"maxUploadSize = {VISITORS.given_bytes >> 20}\n" in config
