"""A photo that ends the process decoding it costs that photo, and never the server."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.photos.incoming import isolated as apart
from effq_core.photos.incoming.limits import Limits
from effq_core.photos.incoming.upload import look_at_files
from tests.photos.incoming.ingest_helpers import ROOT, given, left_behind, photo, two_classes


def _slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str) -> None:
    """Makes decoding a photo with ``slow`` in its name do something terrible."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys, time\n"
        "if 'effq_core.photos.incoming.worker' in ' '.join(sys.orig_argv):\n"
        "    from effq_core.photos.incoming import look\n"
        "    real = look.open_image\n"
        "    def wrapped(data, name, **more):\n"
        f"        if 'slow' in name: {what}\n"
        "        return real(data, name, **more)\n"
        "    look.open_image = wrapped\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ends the program that decodes it"),
        ("[None for _ in iter(int, 1)]", "takes longer than 1 s to decode"),
        ("time.sleep(1000)", "takes longer than 1 s to decode"),
        ("bytearray(1 << 33)", "is broken|cannot be|MemoryError"),
    ],
    ids=["crash", "spin", "sleep", "memory"],
)
def test_a_photo_that_ends_its_process_is_left_out_and_the_others_are_taken(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, why: str
) -> None:
    if "bytearray" in what:
        what = f"\n            try: {what}\n            except MemoryError: return real(b'x', name)"
    _slow(monkeypatch, tmp_path, what)
    limits = Limits(given_bytes=1 << 20, entries=99, unpacked_bytes=1 << 20, seconds_a_photo=1)
    entries = [*two_classes(), ("set/cat/slow.png", photo(50))]
    started = time.monotonic()
    found = look_at_files(home, given(*entries), limits=limits)
    assert time.monotonic() - started < 30
    assert len(found.preview.photos) == 6
    (left,) = found.preview.skipped
    assert left.key == "set/cat/slow.png"
    if "bytearray" not in what:
        assert left.reason == why
    found.close()
    assert left_behind(home.root) == []


def test_several_such_photos_refuse_all(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slow(monkeypatch, tmp_path, "os._exit(9)")
    entries = [(f"set/cat/slow{n}.png", photo(n)) for n in range(apart.MOST_DEATHS + 2)]
    with pytest.raises(DatasetError, match=r"ends the program that decodes it, last at .*slow3"):
        look_at_files(home, given(*entries))
    assert left_behind(home.root) == []


def test_a_fault_of_ours_is_not_blamed_on_a_photo(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slow(monkeypatch, tmp_path, "raise ReferenceError('a bug')")
    with pytest.raises(RuntimeError, match="a bug"):
        look_at_files(home, given(("a/slow.png", photo(1)), ("b/x.png", photo(2))))
    assert left_behind(home.root) == []


def test_all_of_it_may_take_only_so_long(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _slow(monkeypatch, tmp_path, "time.sleep(1000)")
    limits = Limits(given_bytes=1 << 20, entries=99, unpacked_bytes=1 << 20, seconds=2)
    with pytest.raises(DatasetError, match="longer than 2 seconds"):
        look_at_files(home, given(("a/slow.png", photo(1))), limits=limits)
    assert left_behind(home.root) == []
