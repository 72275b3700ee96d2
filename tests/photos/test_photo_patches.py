from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from dataset_helpers import Recorder
from PIL import Image

from effq_core.base.errors import Cancelled, DatasetError
from effq_core.photos import photo_patches
from effq_core.photos.decode import decode
from effq_core.photos.index import ImageItem, Index
from effq_core.photos.photo_patches import CROPS, PhotoPatches, crop_box, sample_photos


@pytest.fixture(scope="module")
def index() -> Index:
    return PhotoPatches().scan(Recorder())


def test_every_photo_has_its_crops_and_none_is_a_duplicate(index: Index) -> None:
    counts = Counter((item.label, item.split) for item in index.items)
    assert counts == {
        (label, split): count
        for label in range(len(index.class_names))
        for split, count in (("train", CROPS["training"]), ("val", CROPS["evaluation"]))
    }
    assert index.skipped == ()
    assert len({item.sha256 for item in index.items}) == len(index.items)


def test_training_and_evaluation_share_no_pixel_of_a_photo(index: Index) -> None:
    for label, photo in enumerate(sample_photos()):
        with Image.open(photo.path) as image:
            width, height = image.size
        seen = {"train": np.zeros((height, width), bool), "val": np.zeros((height, width), bool)}
        for item in index.items:
            if item.label == label and item.split is not None:
                left, top, right, bottom = crop_box(item.key, width, height)
                assert 0 <= left < right <= width
                assert 0 <= top < bottom <= height
                assert right - left == bottom - top
                seen[item.split][top:bottom, left:right] = True
        assert not (seen["train"] & seen["val"]).any()
        assert seen["train"].mean() > 0.4
        assert seen["val"].mean() > 0.4


def test_a_crop_is_the_same_everywhere() -> None:
    # Fixed numbers: stored results name these crops.
    assert crop_box("astronaut/training/00000", 512, 512) == (18, 15, 131, 128)
    assert crop_box("astronaut/evaluation/00000", 512, 512) == (31, 271, 181, 421)


def test_crops_decode_to_what_the_photo_shows_there(index: Index) -> None:
    dataset = PhotoPatches()
    item = next(i for i in index.items if i.key == "coffee/evaluation/00017")
    crop = dataset.open(item)
    photo = Image.open(next(p.path for p in sample_photos() if p.name == "coffee"))
    assert crop.tobytes() == photo.crop(crop_box(item.key, *photo.size)).tobytes()
    assert decode(crop, 64).shape == (64, 64, 3)


def test_crops_can_be_opened_from_several_threads(index: Index) -> None:
    dataset = PhotoPatches()
    items = index.items[:: len(index.items) // 60]
    photo_patches._load.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda item: dataset.open(item).tobytes(), items))
    assert together == [dataset.open(item).tobytes() for item in items]


@pytest.mark.parametrize(
    "key",
    ["astronaut/training/00250", "moon/training/00001", "astronaut/other/00001", "x", "a/b/c"],
)
def test_unknown_crops_are_refused(key: str) -> None:
    with pytest.raises(DatasetError, match="There is no crop"):
        PhotoPatches().open(ImageItem(key, 0, "train", ""))


def test_scanning_reports_and_can_be_cancelled(recorder: Recorder) -> None:
    recorder.cancel_after = 2
    with pytest.raises(Cancelled):
        PhotoPatches().scan(recorder)
    assert recorder.reports[-1][1:] == (11 * 350, "images")


def test_the_state_names_both_versions() -> None:
    assert PhotoPatches().state().startswith("photo_patches 1, scikit-image ")


def test_sample_photos_are_files_with_a_credit_and_free_terms() -> None:
    photos = sample_photos()
    assert [photo.name for photo in photos] == list(PhotoPatches.class_names)
    for name, path, credit in photos:
        assert path.is_file(), name
        assert credit.endswith(("CC0", "public domain"))


def test_a_missing_photo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_patches, "_data_folder", lambda: tmp_path / "data")
    with pytest.raises(DatasetError, match=r"lacks astronaut\.png, brick\.png"):
        PhotoPatches()
