from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from dataset_helpers import CONTENT, MD5, SHA256, Recorder, Server

from effq_core.base.downloads import download
from effq_core.base.errors import Cancelled, DownloadError, StoreError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "store" / "file.bin"


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def test_a_file_arrives_whole_and_progress_is_told(
    server: Server, target: Path, recorder: Recorder
) -> None:
    path = download(
        server.url, target, sha256=SHA256, md5=MD5, size=len(CONTENT), reporter=recorder
    )
    assert path == target
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()
    assert recorder.reports[-1] == (len(CONTENT), len(CONTENT), "bytes")
    assert [report[0] for report in recorder.reports] == sorted(r[0] for r in recorder.reports)
    assert len(recorder.reports) >= 3


def test_what_is_there_is_not_downloaded_again(
    server: Server, target: Path, recorder: Recorder
) -> None:
    download(server.url, target, sha256=SHA256, reporter=recorder)
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert len(server.asked) == 1
    target.write_bytes(b"damaged")
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert target.read_bytes() == CONTENT


def test_a_broken_connection_continues_where_it_stopped(
    server: Server, target: Path, recorder: Recorder
) -> None:
    server.drops = [1_000_000, 500_000]
    download(server.url, target, md5=MD5, reporter=recorder)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=1500000-"]
    assert [kind for kind, _ in recorder.events] == ["retry", "retry"]


def test_the_next_call_continues_what_the_last_one_left(
    server: Server, target: Path, recorder: Recorder
) -> None:
    server.drops = [700_000, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"684 KiB have arrived and are kept") as caught:
        download(server.url, target, sha256=SHA256, reporter=recorder)
    assert "continues where it stopped" in caught.value.hint
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:700_000]
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert server.asked[-1] == "bytes=700000-"
    assert target.read_bytes() == CONTENT


def test_without_a_hash_nothing_is_joined(server: Server, target: Path, recorder: Recorder) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(b"of another file")
    download(server.url, target, reporter=recorder)
    assert server.asked == [None]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["no ranges", "wrong range"])
def test_a_server_that_cannot_continue_starts_anew(
    server: Server, target: Path, recorder: Recorder, how: str
) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT[:1000])
    server.ranges = how != "no ranges"
    server.wrong_range = how == "wrong range"
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_complete_is_only_checked(
    server: Server, target: Path, recorder: Recorder
) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(
    server: Server, target: Path, recorder: Recorder
) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT + b"more")
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert target.read_bytes() == CONTENT


def test_a_wrong_hash_deletes_what_came_and_says_so(
    server: Server, target: Path, recorder: Recorder
) -> None:
    server.content = b"<html>log in first</html>"
    with pytest.raises(DownloadError, match=r"sha256 is .* instead of .* It was deleted") as caught:
        download(server.url, target, sha256=SHA256, reporter=recorder)
    assert "proxy" in caught.value.hint
    assert not target.exists()
    assert not part_of(target).exists()


def test_a_file_of_another_size_is_refused_before_it_is_fetched(
    server: Server, target: Path, recorder: Recorder
) -> None:
    with pytest.raises(DownloadError, match=r"has 3,072,000 bytes instead of 5"):
        download(server.url, target, size=5, reporter=recorder)
    assert not recorder.reports


def test_busy_servers_are_asked_again_and_missing_files_are_not(
    server: Server, target: Path, recorder: Recorder
) -> None:
    server.codes = [503, 429]
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert len(server.asked) == 3
    target.unlink()
    server.codes = [404, 404]
    with pytest.raises(DownloadError, match="answered 404"):
        download(server.url, target, sha256=SHA256, reporter=recorder)
    assert len(server.asked) == 4


def test_redirects_are_followed(server: Server, target: Path, recorder: Recorder) -> None:
    download(server.url.replace("/file.bin", "/moved"), target, md5=MD5, reporter=recorder)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://nowhere.invalid/x"])
def test_without_a_network_the_message_says_what_to_do(
    url: str, target: Path, recorder: Recorder
) -> None:
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        download(url, target, sha256=SHA256, reporter=recorder)
    assert "Check the network" in caught.value.hint
    assert not target.exists()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "http://host:port/x", "https:///x"]
)
def test_other_schemes_are_refused(url: str, target: Path, recorder: Recorder) -> None:
    with pytest.raises(DownloadError, match=r"cannot be downloaded|is not a URL"):
        download(url, target, reporter=recorder)
    assert not recorder.events


def test_cancelling_keeps_what_has_arrived(
    server: Server, target: Path, recorder: Recorder
) -> None:
    recorder.cancel_after = 5
    with pytest.raises(Cancelled):
        download(server.url, target, sha256=SHA256, reporter=recorder)
    assert 0 < part_of(target).stat().st_size < len(CONTENT)
    recorder.cancel_after = None
    download(server.url, target, sha256=SHA256, reporter=recorder)
    assert target.read_bytes() == CONTENT


def test_too_little_space_is_known_beforehand(
    server: Server, target: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    with pytest.raises(StoreError, match=r"9\.54 MiB free; the download needs 66\.9 MiB"):
        download(server.url, target, sha256=SHA256, reporter=recorder)
    assert not recorder.reports


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        download("http://127.0.0.1:9/x", tmp_path / "file" / "x", reporter=recorder)


def test_two_processes_do_not_write_the_same_part(
    server: Server, target: Path, recorder: Recorder
) -> None:
    target.parent.mkdir()
    with part_of(target).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="Another process is downloading"):
            download(server.url, target, sha256=SHA256, reporter=recorder)
    download(server.url, target, sha256=SHA256, reporter=recorder)
