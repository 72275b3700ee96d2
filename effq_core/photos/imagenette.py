"""Imagenette: ten classes of ImageNet, shortest side 160 pixels, from fast.ai."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from effq_core.base.downloads import download
from effq_core.base.errors import DatasetError, DownloadError, StoreError
from effq_core.base.reporting import Reporter
from effq_core.base.settings import Home
from effq_core.photos.folder import FolderDataset

DATASET_ID = "imagenette"
TITLE = "Imagenette, 160 px"
FOLDER = "imagenette2-160"
URL = "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz"
MD5 = "e793b78cc4c9e9a4ccc0c1155377a412"  # of the archive, as torchvision has it
MEBIBYTES = 94  # size of the archive, for people
LICENCE = "ImageNet's terms: non-commercial research and education"
SOURCE = "https://github.com/fastai/imagenette"
SUMMARY = (
    "13,394 photos of ten things easy to tell apart, from tench to parachute, with a training and a"
    f" validation split. {MEBIBYTES} MiB to download."
)

MAX_ENTRIES = 20_000
MAX_BYTES = 400_000_000  # bounds of what is unpacked, about twice the real archive


def folder_of(home: Home) -> Path:
    """Returns where the photos are, or would be, with ``train`` and ``val`` inside."""
    return home.datasets / FOLDER


def is_present(home: Home) -> bool:
    """Returns whether the photos are there."""
    folder = folder_of(home)
    return (folder / "train").is_dir() and (folder / "val").is_dir()


def open_imagenette(home: Home) -> FolderDataset:
    """Opens the downloaded photos, or raises DatasetError if they are not there or damaged."""
    if not is_present(home):
        raise DatasetError(
            "Imagenette is not downloaded.",
            f"Download it first: `effq datasets download {DATASET_ID}`. {_by_hand(home)}",
        )
    return FolderDataset(
        folder_of(home),
        dataset_id=DATASET_ID,
        title=TITLE,
        licence=LICENCE,
        source=SOURCE,
        reference_size=160,
    )


def download_imagenette(
    home: Home, reporter: Reporter, *, url: str = URL, md5: str = MD5, size: int | None = None
) -> Path:
    """Downloads the photos unless they are there, whole or not at all; may raise DownloadError."""
    folder = folder_of(home)
    if is_present(home):
        return folder
    archive = home.datasets / f"{FOLDER}.tgz"
    try:
        download(url, archive, md5=md5, size=size, reporter=reporter)
    except DownloadError as error:
        raise DownloadError(error.message, f"{error.hint} {_by_hand(home)}") from error
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=home.datasets) as scratch:
            reporter.event("unpacking", file=archive.name)
            unpack(archive, Path(scratch), reporter)
            unpacked = Path(scratch) / FOLDER
            if not ((unpacked / "train").is_dir() and (unpacked / "val").is_dir()):
                raise DownloadError(
                    f"{archive} lacks {FOLDER}/train or {FOLDER}/val.", "Delete it."
                )
            if folder.exists():  # placed by hand, but without both splits
                raise StoreError(f"{folder} is incomplete.", "Move it away, then try again.")
            unpacked.replace(folder)
        archive.unlink()
    except OSError as error:
        raise StoreError(
            f"Imagenette cannot be unpacked in {home.datasets}: {error.strerror or error}.",
            "Free about 150 MiB, or move the store with EFFQ_HOME; the archive is kept.",
        ) from error
    return folder


def unpack(archive: Path, folder: Path, reporter: Reporter) -> None:
    """Unpacks plain files and folders of a tar archive within bounds; may raise DownloadError."""
    total = 0
    compressed = archive.stat().st_size
    try:
        with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as tar:
            for entries, member in enumerate(tar, start=1):
                total += member.size
                if entries > MAX_ENTRIES or total > MAX_BYTES:
                    raise _bad(archive, f"more than {MAX_ENTRIES:,} entries or {MAX_BYTES:,} bytes")
                if not (member.isfile() or member.isdir()):
                    raise _bad(archive, f"{member.name} is neither a file nor a folder")
                if entries % 100 == 0:
                    reporter.check_cancelled()
                    reporter.progress(min(raw.tell(), compressed), compressed, unit="bytes")
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _bad(archive, str(error) or type(error).__name__) from error
    reporter.progress(compressed, compressed, unit="bytes")


def remove(home: Home) -> None:
    """Deletes the downloaded photos."""
    try:
        if folder_of(home).exists():
            shutil.rmtree(folder_of(home))
    except OSError as error:
        raise StoreError(
            f"{folder_of(home)} cannot be deleted: {error.strerror or error}.", "Delete it by hand."
        ) from error


def _bad(archive: Path, why: str) -> DownloadError:
    return DownloadError(f"{archive} cannot be unpacked: {why}.", "Delete it and download again.")


def _by_hand(home: Home) -> str:
    return (
        f"Without a network, get {URL} on another computer and unpack it to {folder_of(home)}; or"
        " use any folder of photos (folder:/path/to/photos), or photo_patches, which needs no"
        " download."
    )
