"""What is said about photos before they are added: lookalikes, small and nested classes."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.incoming.preview import warnings
from effq_core.photos.incoming.upload import look_at_files
from tests.photos.incoming.ingest_helpers import encoded, given, photo, two_classes, zipped


def test_lookalikes_across_splits_are_found_and_can_be_left_out(home: Home) -> None:
    original = Image.open(io.BytesIO(photo(1, size=(120, 90))))
    smaller = encoded(original.resize((60, 45), Image.Resampling.BICUBIC), "JPEG")
    entries = [
        ("train/cat/small.jpg", smaller),
        ("val/cat/large.png", encoded(original)),
        *((f"train/{c}/{n}.png", photo(10 + n)) for n, c in enumerate(("cat", "dog", "dog"))),
        ("val/dog/9.png", photo(30)),
    ]
    found = look_at_files(home, given(*entries))
    (alike,) = found.preview.lookalikes
    assert (alike.name, alike.like) == ("train/cat/small.jpg", "val/cat/large.png")
    assert (alike.across, alike.relabelled) == (True, False)
    assert len(found.preview.photos) == 6
    added = found.add(home, "Less", drop_lookalikes=True)
    keys = [item.key for item in open_dataset(added.id, home).scan(SilentReporter()).items]
    assert len(keys) == 5
    assert not [key for key in keys if "small" in key]


def test_classes_too_small_to_split_are_named(home: Home) -> None:
    entries = [("cat/1.png", photo(1)), *((f"dog/{n}.png", photo(5 + n)) for n in range(6))]
    preview = look_at_files(home, given(*entries)).preview
    assert [each.name for each in preview.too_small] == ["cat"]
    assert any("7 photos are few" in note for note in preview.notes)


def nested_zip() -> bytes:
    groups = {"cat": "animals", "dog": "animals", "bus": "vehicles"}
    return zipped(
        (f"set/{group}/{name}/{n}.png", photo(10 * row + n))
        for row, (name, group) in enumerate(groups.items())
        for n in range(3)
    )


def test_folders_one_level_down_become_the_classes_without_decoding_again(home: Home) -> None:
    upper = look_at_files(home, [("a.zip", nested_zip())])
    assert upper.preview.class_names == ("animals", "vehicles")
    (said,) = (text for text in warnings(upper.preview) if "upper folders" in text)
    assert said.endswith("Their photos lie one level down: bus, cat, dog.")
    seen = (upper.draft.path / "seen.jsonl").read_bytes()
    lower = upper.with_classes(one_down=True)
    assert lower.preview.class_names == ("bus", "cat", "dog")
    assert (upper.draft.path / "seen.jsonl").read_bytes() == seen
    assert not any("upper folders" in text for text in warnings(lower.preview))
    back = lower.with_classes(one_down=False)
    assert back.preview == upper.preview
    added = back.with_classes(one_down=True).add(home, "Nested")
    assert sorted(added.classes.values()) == ["bus", "cat", "dog"]


def test_photos_are_shown_of_every_class_one_level_down(home: Home) -> None:
    entries = [
        (f"{'ab'[row // 4]}/{row}/{n:02}.png", photo(100 * row + n))
        for row in range(8)
        for n in range(12)
    ]
    upper = look_at_files(home, [("a.zip", zipped(entries))])
    assert {each.label for each in upper.preview.thumbnails} == {"a", "b"}
    lower = upper.with_classes(one_down=True)
    assert {each.label for each in lower.preview.thumbnails} == {str(row) for row in range(8)}
    lower.close()


def test_photos_in_flat_folders_cannot_be_taken_one_level_down(home: Home) -> None:
    found = look_at_files(home, [("a.zip", zipped(two_classes()))])
    assert found.preview.nested is None
    with pytest.raises(DatasetError, match="hold no folders with photos"):
        found.with_classes(one_down=True)
    assert found.add(home, "Still here").photos == 6
