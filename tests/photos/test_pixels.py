from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_helpers import Recorder

from effq_core.base.errors import Cancelled, DatasetError, StoreError
from effq_core.photos import pixels as module
from effq_core.photos.decode import decode
from effq_core.photos.folder import FolderDataset
from effq_core.photos.index import Skipped
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.photos.pixels import read_pixels, write_pixels
from effq_core.photos.sampling import Role, candidates, check_sizes

Maker = Callable[..., Path]


@pytest.fixture
def dataset(tmp_path: Path, make_photo: Maker) -> FolderDataset:
    """Thirty good photos in the order of their names, and two broken ones: 04 and 11."""
    folder = tmp_path / "photos"
    for number in range(32):
        path = make_photo(folder / f"{number:02d}.png", number)
        if number in (4, 11):
            path.write_bytes(path.read_bytes()[: 100 + number])
    return FolderDataset(folder)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_broken_images_are_named_and_replaced_by_the_next(
    dataset: FolderDataset, out: Path, recorder: Recorder
) -> None:
    order = dataset.scan(recorder).items
    summary = write_pixels(dataset, order, 20, 16, out, recorder)
    array, items = read_pixels(out)
    expected = [item for item in order if item.key not in ("04.png", "11.png")][:20]
    assert items == expected
    assert array.shape == (20, 16, 16, 3)
    assert array.dtype == np.uint8
    for row, item in zip(array, items, strict=True):
        np.testing.assert_array_equal(row, decode(dataset.open(item), 16))
    assert (summary.count, summary.asked, summary.size, summary.shortfall) == (20, 20, 16, 0)
    assert [entry.key for entry in summary.skipped] == ["04.png", "11.png"]
    skipped = [values for kind, values in recorder.events if kind == "skipped"]
    assert [values["key"] for values in skipped] == ["04.png", "11.png"]
    assert "04.png is broken" in skipped[0]["reason"]
    assert not [kind for kind, _ in recorder.events if kind == "warning"]


def test_an_exhausted_order_keeps_what_there_is_and_warns(
    dataset: FolderDataset, out: Path, recorder: Recorder
) -> None:
    order = dataset.scan(recorder).items[:12]
    summary = write_pixels(dataset, order, 12, 8, out, recorder)
    array, items = read_pixels(out)
    assert len(array) == len(items) == summary.count == 10
    np.testing.assert_array_equal(array[9], decode(dataset.open(order[10]), 8))
    assert summary.shortfall == 2
    assert recorder.events[-1] == (
        "warning",
        {"message": "12 images were asked for and 10 could be used (2 broken)."},
    )
    stored = json.loads((out / "items.json").read_text())
    assert (stored["n"], stored["asked"], stored["size"]) == (10, 12, 8)
    assert [Skipped(*row) for row in stored["skipped"]] == list(summary.skipped)
    assert sorted(path.name for path in out.iterdir()) == ["items.json", "pixels.npy"]


def test_more_than_the_order_holds_is_a_shortfall(
    dataset: FolderDataset, out: Path, recorder: Recorder
) -> None:
    summary = write_pixels(dataset, dataset.scan(recorder).items[:3], 9, 8, out, recorder)
    assert (summary.count, summary.shortfall) == (3, 6)


def test_no_good_image_is_an_error_and_leaves_nothing(
    dataset: FolderDataset, out: Path, recorder: Recorder
) -> None:
    order = dataset.scan(recorder).items
    with pytest.raises(DatasetError, match=r"None of 2 images .* 04\.png is broken"):
        write_pixels(dataset, [order[4], order[11]], 2, 8, out, recorder)
    with pytest.raises(DatasetError, match="no image for this sample"):
        write_pixels(dataset, [], 2, 8, out, recorder)
    assert list(out.iterdir()) == []


def test_cancelling_ends_its_threads(dataset: FolderDataset, out: Path, recorder: Recorder) -> None:
    order = dataset.scan(Recorder()).items
    recorder.cancel_after = 0
    with pytest.raises(Cancelled):
        write_pixels(dataset, order, 30, 8, out, recorder)
    assert not [t for t in threading.enumerate() if t.name.startswith("decode")]


def test_a_full_disk_is_a_store_error(
    dataset: FolderDataset, out: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_pixels(dataset, dataset.scan(recorder).items, 3, 8, out, recorder)


def test_corrupt_pixels_are_a_store_error(
    dataset: FolderDataset, out: Path, recorder: Recorder
) -> None:
    with pytest.raises(StoreError, match="corrupt"):
        read_pixels(out)
    write_pixels(dataset, dataset.scan(recorder).items, 3, 8, out, recorder)
    np.save(out / "pixels.npy", np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(StoreError, match="for 3 images"):
        read_pixels(out)
    (out / "pixels.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StoreError, match="corrupt"):
        read_pixels(out)


def test_replacements_never_make_calibration_and_training_overlap(
    dataset: FolderDataset, tmp_path: Path, recorder: Recorder
) -> None:
    index = dataset.scan(recorder)
    sizes = check_sizes(index, 9, 9, None)
    samples = {}
    for role, size in ((Role.CALIBRATION, 9), (Role.TRAINING, 9)):
        folder = tmp_path / role
        folder.mkdir()
        write_pixels(dataset, candidates(index, role, sizes, 3), size, 8, folder, recorder)
        samples[role] = {item.sha256 for item in read_pixels(folder)[1]}
    assert not samples[Role.CALIBRATION] & samples[Role.TRAINING]


def test_the_built_in_photos_become_pixels(out: Path, recorder: Recorder) -> None:
    patches = PhotoPatches()
    index = patches.scan(recorder)
    sizes = check_sizes(index, 22, None, None)
    order = candidates(index, Role.CALIBRATION, sizes, 42)
    summary = write_pixels(patches, order, sizes.calibration, 64, out, recorder)
    array, items = read_pixels(out)
    assert array.shape == (22, 64, 64, 3)
    assert sorted(item.label for item in items) == sorted([*range(11), *range(11)])
    assert summary.skipped == ()
    assert recorder.reports[-1] == (22, 22, "images")


def test_real_photos_become_pixels(imagenette_folder: Path, out: Path, recorder: Recorder) -> None:
    dataset = FolderDataset(imagenette_folder)
    index = dataset.scan(recorder)
    sizes = check_sizes(index, 50, 20, 40)
    order = candidates(index, Role.EVALUATION, sizes, 42)
    write_pixels(dataset, order, 40, 160, out, recorder)
    array, items = read_pixels(out)
    assert len(array) == 40
    assert {item.split for item in items} == {"val"}
    assert [sum(item.label == label for item in items) for label in range(10)] == [4] * 10
    assert 60 < array.mean() < 180
