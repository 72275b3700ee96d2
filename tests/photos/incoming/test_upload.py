"""From a zip to a dataset and back to nothing: whatever was given, nothing else is left."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import BusyError, Cancelled, DatasetError, StoreError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.jobs.limits import LOOKING
from effq_core.photos.catalogue import Origin, available, open_dataset
from effq_core.photos.glance import glance
from effq_core.photos.incoming import isolated as apart
from effq_core.photos.incoming import upload
from effq_core.photos.incoming.draft import Draft, sweep_drafts
from effq_core.photos.incoming.labels import LabelSource
from effq_core.photos.incoming.limits import VISITORS, Limits
from effq_core.photos.incoming.preview import warnings
from effq_core.photos.incoming.upload import look_at_files, look_at_path
from effq_core.photos.own_photos import own_photos, slug_of
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.usage import take_inventory, usage
from tests.photos.incoming.ingest_helpers import Quiet, encoded, left_behind, photo, zipped

ROOT = Path(__file__).resolve().parents[3]


def two_classes(count: int = 6) -> list[tuple[str, bytes]]:
    return [(f"set/{('cat', 'dog')[n % 2]}/{n}.png", photo(n)) for n in range(count)]


def given(*entries: tuple[str, bytes]) -> list[tuple[str, bytes]]:
    return [("my pets_2024.zip", zipped(entries))]


def test_a_zip_becomes_a_dataset_like_any_other(home: Home) -> None:
    entries = [*two_classes(), ("set/cat/copy.png", photo(0)), ("set/cat/bad.jpg", b"no photo")]
    entries += [("set/.DS_Store", b"x"), ("set/notes.txt", b"x")]
    found = look_at_files(home, given(*entries))
    preview = found.preview
    assert (len(preview.photos), preview.class_names) == (6, ("cat", "dog"))
    assert (preview.labels_from, preview.litter, preview.has_splits) == ("folders", 1, False)
    assert {each.key: each.reason for each in preview.skipped} == {
        "set/notes.txt": "not a photo by its name",
        "set/cat/bad.jpg": "is not an image of a known format",
        "set/cat/copy.png": "same content as set/cat/0.png",
    }
    assert [each.label for each in preview.thumbnails] == ["cat", "dog"] * 3
    assert Image.open(io.BytesIO(preview.thumbnails[0].jpeg)).size == (112, 112)
    assert found.suggested == "my pets 2024"
    assert own_photos(home) == ()  # nothing is stored before somebody says so

    added = found.add(home, "  My\npets ")
    assert (added.id, added.title, added.photos) == ("photos:my-pets", "My pets", 6)
    card = next(card for card in available(home) if card.origin is Origin.OWN)
    assert (card.id, card.title, card.classes) == (added.id, "My pets", 2)
    assert card.bytes_on_disk == preview.bytes
    dataset = open_dataset(added.id, home)
    index = dataset.scan(SilentReporter())
    assert (dataset.title, dataset.class_names) == ("My pets", ("cat", "dog"))
    assert sorted(item.label or 0 for item in index.items) == [0, 0, 0, 1, 1, 1]
    assert not index.skipped
    assert {dataset.open(item).size for item in index.items} == {(32, 24)}
    assert glance(added.id, home).per_class == {"cat": 3, "dog": 3}
    assert left_behind(home.root) == []


def test_the_same_photos_are_the_same_dataset_when_added_again(home: Home) -> None:
    states = []
    for _ in range(2):
        added = look_at_files(home, given(*two_classes())).add(home, "Pets")
        states.append(open_dataset(added.id, home).state())
        remove_item(home, Database(home.database), added.id)
        assert own_photos(home) == ()
    assert states[0] == states[1]
    other = look_at_files(home, given(*two_classes(8))).add(home, "Pets")
    assert open_dataset(other.id, home).state() != states[0]


def test_removing_deletes_the_photos_and_says_where_there_are_none(home: Home) -> None:
    database = Database(home.database)
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    remove_item(home, database, added.id)
    assert not list(home.datasets.glob("own/*"))
    with pytest.raises(DatasetError, match="no photos photos:pets"):
        remove_item(home, database, added.id)
    for name in ("photos:../..", "photos:", "photos:/etc", "photos:a/b", "photos:..", "photos:A"):
        with pytest.raises(DatasetError, match="not the name of a set"):
            remove_item(home, database, name)
        with pytest.raises(DatasetError, match="not the name of a set"):
            open_dataset(name, home)


def test_photos_and_a_list_come_together(home: Home) -> None:
    files = [(f"IMG {n}.PNG", photo(n)) for n in range(5)]
    rows = "".join(f"img {n}.png;{'big cat' if n % 2 else '../../evil'}\n" for n in range(4))
    found = look_at_files(home, [*files, ("labels.csv", f"\ufefffile;label\n{rows}".encode())])
    assert found.preview.labels_from is LabelSource.LIST
    assert found.preview.class_names == ("../../evil", "big cat")
    assert [each.reason for each in found.preview.skipped] == ["has no label in the list"]
    added = found.add(home, "写真")
    assert added.slug == slug_of("写真")
    dataset = open_dataset(added.id, home)
    assert (dataset.title, dataset.class_names) == ("写真", ("../../evil", "big cat"))
    kept = list(home.root.rglob("*.png"))
    assert len(kept) == 4
    assert all(path.is_relative_to(home.datasets / "own") for path in kept)


def test_photos_alone_have_no_labels(home: Home) -> None:
    added = look_at_files(home, [(f"{n}.jpg", photo(n, "JPEG")) for n in range(4)]).add(home, "A")
    dataset = open_dataset(added.id, home)
    assert dataset.class_names == ()
    assert {item.label for item in dataset.scan(SilentReporter()).items} == {None}


def test_splits_and_wordnet_names_survive(home: Home) -> None:
    entries = [
        (f"{split}/{name}/{n}.png", photo(hash((split, name, n)) % 10_000))
        for split in ("train", "val")
        for name in ("n01440764", "own thing")
        for n in range(3)
    ]
    added = look_at_files(home, given(*entries)).add(home, "Split")
    dataset = open_dataset(added.id, home)
    assert dataset.wnids == ("n01440764", None)
    assert dataset.class_names == ("tench", "own thing")
    index = dataset.scan(SilentReporter())
    assert sorted(item.split or "" for item in index.items) == ["train"] * 6 + ["val"] * 6


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


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "No photos were given"),
        ([("labels.csv", b"a,b")], "No photos were given"),
        ([("a.zip", b""), ("b.zip", b"")], "2 zips and 0 photos"),
        ([("a.zip", b""), ("b.png", b"")], "1 zip and 1 photo were"),
        ([("a.png", b"x"), ("1.csv", b""), ("2.csv", b"")], "2 lists of labels"),
        ([("a.zip", b"no zip")], "not a zip archive"),
        ([("a.zip", zipped([]))], "no photo in it"),
        ([("a.zip", zipped([("x.txt", b"x"), ("y.txt", b"")]))], "2 × not a photo by its name"),
        ([("a.png", b"no photo")], "None of the 1 photos can be used. The first: a.png: is not"),
        ([("a.exe", b"MZ")], "no photo in it"),
        ([("a.zip", zipped([("x/cat/1.png", photo(1)), ("y.png", photo(2))]))], "one class only"),
        ([("a.png", photo(1)), ("1.csv", b"a.png,cat")], "one class only: cat"),
        ([("a.png", photo(1)), ("1.csv", b"nonsense")], "1.csv has no second column"),
    ],
)
def test_what_cannot_be_used_says_why_and_leaves_nothing(
    home: Home, files: list[tuple[str, bytes]], why: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        look_at_files(home, files)
    assert why in caught.value.message
    assert left_behind(home.root) == []


def test_too_much_at_once_is_refused_before_anything_is_written(home: Home) -> None:
    limits = Limits(given_bytes=1000, entries=3, unpacked_bytes=1000)
    for files in ([("a.png", bytes(1001))], [(f"{n}.png", b"x") for n in range(4)]):
        with pytest.raises(DatasetError, match="There are"):
            look_at_files(home, files, limits=limits)
    assert not home.datasets.exists()


def test_a_folder_is_copied_and_what_links_lead_to_is_only_taken_as_photos(
    home: Home, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    for name, content in two_classes():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    (source / "set/cat/link.png").symlink_to("/etc/passwd")
    (source / "set/elsewhere").symlink_to(tmp_path)
    os.mkfifo(source / "set/cat/pipe.png")
    found = look_at_path(home, source)
    assert found.suggested == "source"
    assert {each.key: each.reason for each in found.preview.skipped} == {
        "set/elsewhere": "a link to a folder it lies in",
        "set/cat/link.png": "is not an image of a known format",
    }
    assert found.add(home, "Copied").photos == 6
    assert len(list(source.rglob("*.png"))) == 8  # nothing of the folder has changed


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


def test_a_path_that_is_not_there_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        look_at_path(home, tmp_path / "gone.zip")
    with pytest.raises(DatasetError, match=r"gone\.csv cannot be read"):
        look_at_path(home, tmp_path, tmp_path / "gone.csv")
    assert not home.root.exists()


# A photo that ends the process decoding it -------------------------------------------------


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


# Stopping, killing, full disks -------------------------------------------------------------


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


def test_a_name_that_is_taken_is_refused_and_nothing_is_lost(home: Home) -> None:
    look_at_files(home, given(*two_classes())).add(home, "Pets")
    second = look_at_files(home, given(*two_classes(8)))
    for title in ("pets", "PETS!"):
        with pytest.raises(DatasetError, match="called pets already"):
            second.add(home, title)
    for title in ("", " \n", "x" * 61):
        with pytest.raises(DatasetError, match="name"):
            second.add(home, title)
    assert second.add(home, "Other").photos == 8
    assert [each.photos for each in own_photos(home)] == [6, 8]


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


def test_a_damaged_set_is_not_listed_and_can_be_removed(home: Home) -> None:
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    (home.datasets / "own/pets/dataset.json").write_text("{")
    assert own_photos(home) == ()
    with pytest.raises(DatasetError, match="damaged") as caught:
        open_dataset(added.id, home)
    assert "effq datasets remove photos:pets" in caught.value.hint
    remove_item(home, Database(home.database), added.id)
    assert not (home.datasets / "own/pets").exists()


def test_a_photo_changed_behind_its_back_is_noticed(home: Home) -> None:
    added = look_at_files(home, given(*two_classes())).add(home, "Pets")
    dataset = open_dataset(added.id, home)
    index = dataset.scan(SilentReporter())
    path = home.datasets / "own/pets/photos" / index.items[0].key
    path.write_bytes(photo(99))
    with pytest.raises(DatasetError, match="has changed"):
        dataset.open(index.items[0])
    shutil.rmtree(home.datasets / "own/pets/photos")
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(added.id, home)


def test_only_so_many_are_looked_at_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOOKING, "patience", 0.5)
    with (
        LOOKING.enter(LOOKING.most),
        pytest.raises(BusyError, match="The server is busy with 2 uploads"),
    ):
        look_at_files(home, given(*two_classes()))
    assert left_behind(home.root) == []


# Images of every kind ----------------------------------------------------------------------


def test_images_of_every_kind_are_taken_or_named(home: Home) -> None:
    rgb = Image.open(io.BytesIO(photo(1)))
    rng = np.random.default_rng(3)
    deep = Image.fromarray(rng.integers(0, 65535, (24, 32), dtype=np.uint16))
    frames = [Image.open(io.BytesIO(photo(n))) for n in (4, 5)]
    good = {
        "exif.jpg": photo(2, "JPEG"),
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated.webp": encoded(frames[1], "WEBP", save_all=True, append_images=frames[:1]),
        "cmyk.jpg": encoded(Image.open(io.BytesIO(photo(6))).convert("CMYK"), "JPEG"),
        "sixteen.png": encoded(deep),
        "icc.png": encoded(rgb, icc_profile=b"not a profile at all" * 50),
        "wrong.jpg": photo(7, "PNG"),
    }
    bad = {
        "cut.jpg": photo(8, "JPEG", (400, 300))[:2000],
        "text.png": b"hello",
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "huge.ppm": b"P6\n30000 30000\n255\n" + bytes(100),
        "svg.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    preview = look_at_files(home, [*good.items(), *bad.items()]).preview
    assert {each.name for each in preview.photos} == set(good)
    reasons = {each.key: each.reason for each in preview.skipped}
    assert set(reasons) == set(bad)
    assert reasons["huge.ppm"].startswith("is too large")
    assert reasons["cut.jpg"].startswith("is broken")
    for name in ("text.png", "script.jpg", "svg.jpg"):
        assert reasons[name] == "is not an image of a known format"


def test_visitors_may_send_no_more_than_the_server_takes() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text()
    assert f"maxUploadSize = {VISITORS.given_bytes >> 20}\n" in config
