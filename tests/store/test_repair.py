"""``effq doctor --repair`` on a store with everything in it: it mends, and harms nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import StoreError
from effq_core.base.files import write_json
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.devices.timings import import_timings
from effq_core.models.own import card, ready
from effq_core.photos.added import add_folder
from effq_core.photos.incoming.upload import look_at_path
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots
from effq_core.results import load_results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import hash_file
from effq_core.store.repair import rebuild
from effq_core.store.rows import Status
from tests.deliver.bundle.documents import document, encoded
from tests.models.own_cards import CARD
from tests.store.conftest import Effq

MINE = {**CARD, "title": "Mine", "preprocessing": "raw", "image_size": 32}


@pytest.fixture
def home(tmp_path: Path, tiny_run, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The tiny run's store, and in it whatever people can bring."""
    home = Home(tmp_path / "home")
    # Linked, not copied: nothing in a finished artifact is ever written to.
    shutil.copytree(tiny_run.home.artifacts, home.artifacts, copy_function=os.link)
    shutil.copytree(tiny_run.home.runs, home.runs)
    for path in tiny_run.home.root.glob("effq.sqlite3*"):
        shutil.copyfile(path, home.root / path.name)
    photos = tmp_path / "photos"
    _photos(photos)
    look_at_path(home, photos).add(home, "Mine")
    roots = Roots((tmp_path,))
    add_folder(home, roots, preview_folder(roots, photos))
    model = card.own_folder(home) / "mine"
    model.mkdir(parents=True)
    (model / card.WEIGHTS_FILE).write_bytes(b"weights" * 100)
    card.write_card(model, MINE)
    results = load_results(home, tiny_run.run)
    file = ready.ready_folder(home) / "theirs"
    file.mkdir(parents=True)
    shutil.copyfile(results.model_file("int8"), file / ready.MODEL_FILE)
    sha256 = hash_file(file / ready.MODEL_FILE)
    card.write_card(file, {**MINE, "file_sha256": sha256})
    import_timings(home, results, encoded(document(results)), "t.json")
    monkeypatch.setenv("EFFQ_HOME", str(home.root))
    monkeypatch.setenv("EFFQ_DATA_ROOTS", str(tmp_path))
    monkeypatch.delenv("EFFQ_SCHEDULER", raising=False)
    return home


def _photos(folder: Path) -> None:
    from PIL import Image
    from skimage import data

    for name, photo in (("cat", data.chelsea()), ("cup", data.coffee())):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            crop = photo[40 * number : 40 * number + 100, 60 * number : 60 * number + 100]
            Image.fromarray(crop).save(folder / name / f"{number}.png")


def files(home: Home) -> dict[str, str]:
    """Every file and its hash; of the index what is in it, as reading it moves pages about."""
    found = {
        path.relative_to(home.root).as_posix(): hash_file(path)
        for path in home.root.rglob("*")
        if path.is_file() and not path.name.startswith(home.database.name)
    }
    database = Database(home.database)
    try:
        runs = database.list_runs()
        rows = [(run, database.stages(run.id), database.events_after(run.id)) for run in runs]
    finally:
        database.close()
    return found | {"index": repr(rows)}


def lists(effq: Effq) -> Iterator[Any]:
    for command in (("runs",), ("datasets",), ("models",), ("timings", "list")):
        answer = effq(*command, "--json")
        assert answer.exit_code == 0, answer.output
        yield json.loads(answer.stdout)


def test_a_repair_of_a_sound_store_changes_no_file(home: Home, effq: Effq) -> None:
    before = files(home)

    answer = effq("doctor", "--offline", "--repair", "--json")

    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["repair"] == {
        "moved": None,
        "runs": 0,
        "artifacts": len(list(home.artifacts.glob("[a-z]*/*"))),
        "quarantined": [],
        "unreadable": [],
        "swept": 0,
    }
    (brought,) = (check for check in told["checks"] if check["name"] == "brought")
    assert brought["state"] == "ok"
    assert brought["found"] == (
        "1 set of photos, 1 model, 1 ready file, 1 device timing, 1 added folder of your own, "
        "every byte compared"
    )
    assert files(home) == before


@pytest.mark.parametrize("damage", ["half", "emptied", "overwritten", "deleted"])
def test_after_the_index_is_lost_everything_is_listed_as_before(
    home: Home, effq: Effq, damage: str
) -> None:
    before = list(lists(effq))
    assert all(before)
    whole = home.database.read_bytes()
    for side in home.root.glob("effq.sqlite3-*"):
        side.unlink()
    home.database.unlink()
    if damage != "deleted":
        home.database.write_bytes(
            {"half": whole[: len(whole) // 2], "emptied": b"", "overwritten": b"\0no" * 9000}[
                damage
            ]
        )

    assert effq("doctor", "--offline", "--repair").exit_code == 0

    assert list(lists(effq)) == before
    assert effq("show", "latest").exit_code == 0


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("datasets/own/mine/photos/*/*.png", "photos:mine"),
        ("datasets/own/mine/dataset.json", "photos:mine"),
        ("models/own/mine/weights.npz", "own:mine"),
        ("models/own/mine/card.json", "mine"),
        ("models/own_files/theirs/model.tflite", "Mine"),
        ("models/own_files/theirs/card.json", "theirs"),
        ("device_timings/*/*.json", ".json"),
        ("folders.json", "folders.json"),
    ],
)
def test_what_somebody_brought_and_is_damaged_is_named_and_stays(
    home: Home, effq: Effq, path: str, named: str
) -> None:
    damaged = sorted(home.root.glob(path))[0]
    damaged.write_bytes(damaged.read_bytes()[:-5])
    before = files(home)

    told = json.loads(effq("doctor", "--offline", "--repair", "--json").stdout)

    problems = [each for each in told["checks"] if each["state"] != "ok" and each["hint"]]
    assert any(named in each["found"] for each in problems), told["checks"]
    assert files(home) == before


def test_a_damaged_artifact_is_set_aside_and_the_rest_stays(home: Home, effq: Effq) -> None:
    file = next(home.artifacts.glob("calibrate/*/statistics.npz"))
    content = bytearray(file.read_bytes())
    content[1000] ^= 1  # of the same size: only its hash tells
    file.unlink()  # it is linked to the tiny run's
    file.write_bytes(bytes(content))
    before = files(home)

    answer = effq("doctor", "--offline", "--repair")

    assert "its hash differs" in answer.stdout
    after = files(home)
    gone = set(before) - set(after)
    assert {Path(path).parts[:2] for path in gone} == {("artifacts", "calibrate")}
    assert {Path(path).parts[:2] for path in set(after) - set(before)} == {
        ("artifacts", ".quarantine")
    }


def test_what_killed_processes_have_left_goes_and_nothing_else(home: Home) -> None:
    finished = next(home.artifacts.glob("finetune/*"))
    live = home.artifacts / "convert" / f".tmp-{'cd' * 32}-live"
    old, young = (home.runs / f".run.json.{digit * 32}" for digit in "ab")
    going = [
        home.artifacts / "convert" / f".tmp-{'ab' * 32}-dead" / "half.bin",
        home.datasets / ".adding-dead" / "photos" / "1.png",
        home.scratch / "finetune" / finished.name / "epochs" / "history.json",
        old,
        home.runs / "20260101-000000-dead" / "reserve",
    ]
    staying = [
        home.scratch / "finetune" / ("ef" * 32) / "epochs" / "history.json",
        live / "half.bin",
        home.artifacts / ".quarantine" / "old" / "manifest.json",
        home.root / "notes.txt",
        home.datasets / ".hidden-by-somebody",
        young,
    ]
    for path in going + staying:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    before = set(files(home))
    holder = os.open(live, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        repair = rebuild(home.database, ArtifactStore(home))
    finally:
        os.close(holder)

    assert repair.swept == len(going)
    gone = {path.relative_to(home.root).as_posix() for path in going}
    assert before - set(files(home)) == gone


def test_an_index_is_not_replaced_under_a_run_that_still_goes_on(home: Home) -> None:
    database = Database(home.database)
    run_id = database.list_runs()[0].id
    database.set_status(run_id, Status.RUNNING)
    database.close()
    home.database.write_bytes(b"\0no" * 9000)
    with (
        FileLock(home.runs / run_id / "driver.lock"),
        pytest.raises(StoreError, match=f"{run_id} still goes on"),
    ):
        rebuild(home.database, ArtifactStore(home))
    assert rebuild(home.database, ArtifactStore(home)).moved is not None


def test_half_an_artifact_without_a_manifest_is_set_aside(home: Home) -> None:
    half = home.artifacts / "evaluate" / ("12" * 32)
    half.mkdir()
    (half / "predictions.npz").write_bytes(b"x")
    write_json(half / "accuracy.json", {})

    (told,) = rebuild(home.database, ArtifactStore(home)).quarantined

    assert "no manifest" in told
    assert not half.exists()
