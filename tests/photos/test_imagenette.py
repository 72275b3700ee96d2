from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_helpers import Recorder, Server

from effq_core.base.downloads import download
from effq_core.base.errors import Cancelled, DatasetError, DownloadError
from effq_core.base.settings import Home
from effq_core.photos import imagenette
from effq_core.photos.catalogue import available, download_dataset, open_dataset


def archive_of(folder: Path, *extra: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(folder, arcname="imagenette2-160")
        for member in extra:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return buffer.getvalue()


@pytest.fixture
def small(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "small"
    for number, name in enumerate(
        ["train/n01440764/a", "train/n02102040/b", "val/n01440764/c", "val/n02102040/d"]
    ):
        make_photo(folder / f"{name}.png", number)
    return folder


def serve(server: Server, content: bytes) -> str:
    server.content = content
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def entry(
    name: str, size: int = 1, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def test_imagenette_is_downloaded_unpacked_and_opened(
    server: Server, home: Home, small: Path, recorder: Recorder
) -> None:
    assert [card.is_present for card in available(home)] == [True, False]
    md5 = serve(server, archive_of(small))
    server.drops = [len(server.content) // 2]
    folder = imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)
    assert folder == home.datasets / "imagenette2-160"
    assert [path.name for path in home.datasets.iterdir()] == ["imagenette2-160"]
    dataset = open_dataset("imagenette", home)
    assert (dataset.id, dataset.reference_size) == ("imagenette", 160)
    assert dataset.class_names == ("tench", "English springer")
    assert len(dataset.scan(recorder).items) == 4
    card = available(home)[1]
    assert card.is_present
    assert card.bytes_on_disk == sum(p.stat().st_size for p in small.rglob("*.png"))
    imagenette.download_imagenette(home, recorder, url="http://127.0.0.1:9/", md5=md5)
    download_dataset("imagenette", home, recorder)
    imagenette.remove(home)
    assert not imagenette.is_present(home)


@pytest.mark.parametrize(
    "bad",
    [
        entry("../outside.txt"),
        entry("/absolute/../../outside.txt"),
        entry("imagenette2-160/link", 0, tarfile.SYMTYPE, "/etc/passwd"),
        entry("imagenette2-160/hard", 0, tarfile.LNKTYPE, "../../outside"),
        entry("imagenette2-160/device", 0, tarfile.CHRTYPE),
        entry("imagenette2-160/huge", 5000),
    ],
    ids=lambda info: info.name,
)
def test_hostile_archives_leave_nothing_behind(
    server: Server,
    home: Home,
    small: Path,
    recorder: Recorder,
    bad: tarfile.TarInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        imagenette, "MAX_BYTES", 4990 + sum(p.stat().st_size for p in small.rglob("*.png"))
    )
    md5 = serve(server, archive_of(small, bad))
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)
    assert [path.name for path in home.datasets.iterdir()] == ["imagenette2-160.tgz"]
    assert not (home.root / "outside.txt").exists()
    assert not imagenette.is_present(home)


def test_too_many_entries_are_refused(
    server: Server, home: Home, small: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenette, "MAX_ENTRIES", 5)
    md5 = serve(server, archive_of(small))
    with pytest.raises(DownloadError, match="more than 5 entries"):
        imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)


def test_archives_that_are_broken_or_hold_something_else(
    server: Server, home: Home, small: Path, recorder: Recorder
) -> None:
    whole = archive_of(small)
    for content in (b"no archive at all", whole[: len(whole) // 2]):
        md5 = serve(server, content)
        with pytest.raises(DownloadError, match="cannot be unpacked"):
            imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)
    md5 = serve(server, archive_of(small / "train"))
    with pytest.raises(DownloadError, match="lacks imagenette2-160/train"):
        imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)


def test_offline_the_ways_without_a_network_are_named(home: Home, recorder: Recorder) -> None:
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        imagenette.download_imagenette(home, recorder, url="http://127.0.0.1:9/x")
    assert str(home.datasets / "imagenette2-160") in caught.value.hint
    assert "folder:" in caught.value.hint
    assert "photo_patches" in caught.value.hint


def test_cancelling_while_unpacking_leaves_no_half_dataset(
    server: Server, home: Home, small: Path, recorder: Recorder, make_photo: Callable[..., Path]
) -> None:
    for number in range(120):
        make_photo(small / f"train/n01440764/{number}.png", number, (2, 2))
    md5 = serve(server, archive_of(small))
    archive = home.datasets / "imagenette2-160.tgz"
    download(server.url, archive, md5=md5, reporter=Recorder())
    recorder.cancel_after = 0
    with pytest.raises(Cancelled):
        imagenette.download_imagenette(home, recorder, url=server.url, md5=md5)
    assert [path.name for path in home.datasets.iterdir()] == ["imagenette2-160.tgz"]


def test_the_built_in_dataset_needs_nothing(home: Home, recorder: Recorder) -> None:
    assert open_dataset("photo_patches", home).title == "Photo patches (built in)"
    download_dataset("photo_patches", home, recorder)
    card = available(home)[0]
    assert (card.id, card.classes, card.is_present) == ("photo_patches", 11, True)
    assert card.bytes_on_disk > 1_000_000


def test_a_folder_is_opened_by_its_path(home: Home, small: Path) -> None:
    dataset = open_dataset(f"folder:{small}", home)
    assert dataset.id == f"folder:{small}"
    assert dataset.title == "small"


@pytest.mark.parametrize(
    ("dataset_id", "message", "hint"),
    [
        ("imagenet", "There is no dataset 'imagenet'", "photos:name or folder:"),
        ("imagenette", "not downloaded", "Download it first"),
        ("folder:photos", "not an absolute path", "Write folder:/"),
        ("folder:/no/such/place", "does not exist", "Check the path"),
    ],
)
def test_datasets_that_cannot_be_opened_say_what_to_do(
    home: Home, dataset_id: str, message: str, hint: str
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        open_dataset(dataset_id, home)
    assert hint in caught.value.hint
