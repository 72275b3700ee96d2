"""The library page: what is there, what can come, and what goes with what."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.care.fetches import FetchState, fetch_of
from effq_core.experiment import Experiment
from effq_core.jobs.process import process_token
from effq_core.photos.added import added_folders
from effq_core.photos.roots import VARIABLE
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.rows import Status
from tests.fetch_server import WEIGHTS_MODEL

Open = Callable[[Home], AppTest]
ENTRY = Path(__file__).resolve().parents[2] / "streamlit_app.py"


def words(app: AppTest) -> str:
    """Everything the page says."""
    parts = [*app.title, *app.header, *app.markdown, *app.caption, *app.code, *app.warning]
    parts += [*app.error, *app.metric]
    return "\n".join(
        f"{getattr(part, 'label', '')} {part.value}".replace("\\", "") for part in parts
    )


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.delenv(VARIABLE, raising=False)

    def opened(home: Home) -> AppTest:
        monkeypatch.setenv("EFFQ_HOME", str(home.root))
        st.cache_resource.clear()
        st.cache_data.clear()
        app = AppTest.from_file(ENTRY, default_timeout=60)
        app.switch_page("pages/views/library.py")
        return app.run()

    return opened


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A named root with a folder of two classes, one of them with a hostile name."""
    root = tmp_path / "pictures"
    for number, name in enumerate(["cat", "cat", "*b* [x](y) <i>", "*b* [x](y) <i>"]):
        folder = root / "pets" / name
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    (root / "pets" / "cat" / "bad.jpg").write_text("no picture")
    return root


def test_an_empty_store_shows_what_comes_with_effq_and_what_can_be_fetched(
    open_page: Open, home: Home
) -> None:
    app = open_page(home)
    assert not app.exception
    said = words(app)
    for text in (
        "EfficientNetV2-B0 · Imagenette",
        "EfficientNet-Lite0 · ImageNet-1k",
        "10.6 MiB on disk",
        "Licence: Apache-2.0",
        "Photo patches (built in)",
        "Stored photos 0 B",
        "No runs yet",
    ):
        assert text in said
    assert {"Download 94 MiB", "Download 28 MiB"} <= set(labels(app))
    assert not [label for label in labels(app) if label.startswith("Remove")]


def test_without_roots_the_page_says_how_to_name_them(open_page: Open, home: Home) -> None:
    app = open_page(home)
    assert "No folders are named yet" in words(app)
    assert f"{VARIABLE}=/srv/photos{os.pathsep}" in words(app)
    assert "Look at this folder" not in labels(app)


def test_roots_that_cannot_be_used_are_told(
    open_page: Open, home: Home, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, os.pathsep.join(["/no/such", str(pictures)]))
    app = open_page(home)
    assert "names `/no/such`, which is not used: it does not exist" in words(app)
    assert str(pictures) in words(app)


def test_a_folder_is_looked_at_and_added(
    open_page: Open, home: Home, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(pictures))
    app = open_page(home)
    go_into = next(box for box in app.selectbox if box.label == "Go into")
    assert go_into.options == ["pets"]
    app = go_into.select("pets").run()
    app = app.button(key="library_look").click().run()
    said = words(app)
    assert "4 photos · 2 classes" in said
    assert "1 file would be left out" in said
    tables = [table.value for table in app.dataframe]
    assert ["*b* [x](y) <i>", "cat"] in [list(each.get("Class", [])) for each in tables]
    assert any(
        list(each.get("Why", [])) == ["is not an image of a known format"] for each in tables
    )
    app = app.button(key="library_add").click().run()
    assert not app.exception
    (added,) = added_folders(home)
    assert (added.title, added.images, added.classes) == ("pets", 4, 2)
    assert "4 photos of 2 classes, counted when it was added" in words(app)
    # AppTest cannot click inside a dialog; tests/browser does.
    app = app.button(key=f"library_remove_{added.id}").click().run()
    assert "the folder and its photos stay" in words(app)


def test_folders_one_level_down_are_offered_and_added(
    open_page: Open, home: Home, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(["animals/cat", "animals/dog", "vehicles/bus"] * 2):
        folder = pictures / "groups" / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (40 * number, 9, 9)).save(folder / f"{number}.png")
    monkeypatch.setenv(VARIABLE, str(pictures))
    app = open_page(home)
    app = next(box for box in app.selectbox if box.label == "Go into").select("groups").run()
    app = app.button(key="library_look").click().run()
    warned = "The upper folders are taken as classes: animals, vehicles."
    assert warned in words(app)
    down = app.toggle(key="library_folder_down")
    assert down.label == "Use the 3 folders one level down as classes"
    app = down.set_value(True).run()
    assert not app.exception
    assert warned not in words(app)
    assert "6 photos · 3 classes" in words(app)
    app = app.button(key="library_add").click().run()
    (added,) = added_folders(home)
    assert (added.title, added.classes) == ("groups, one level down", 3)
    assert added.id == f"folder:{pictures}/groups//one-level-down"


@pytest.mark.parametrize("typed", ["/etc", "{pictures}/../home", "relative", "{pictures}/escape"])
def test_a_path_put_into_the_session_never_opens_what_is_outside(
    open_page: Open, home: Home, pictures: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(pictures))
    (pictures / "escape").symlink_to("/etc")
    app = open_page(home)
    app.session_state["library_path"] = typed.format(pictures=pictures)
    app = app.run()
    assert not app.exception
    assert "is not in a folder that EFFQ_DATA_ROOTS names" in words(app)
    assert app.session_state["library_path"] == str(pictures)
    assert "1 link out of the named folders left out" in words(app)


def test_a_download_that_fails_says_why_and_offers_to_try_again(
    open_page: Open, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    app = open_page(home)
    app = app.button(key=f"library_download_{WEIGHTS_MODEL}").click().run()
    assert f"library_cancel_{WEIGHTS_MODEL}" in [button.key for button in app.button]
    while (fetch := fetch_of(home, WEIGHTS_MODEL)) is not None and fetch.state.is_active:
        time.sleep(0.1)
    assert fetch is not None
    assert fetch.state is FetchState.FAILED
    app = app.run()
    said = words(app)
    assert "cannot be reached, or the connection broke" in said
    assert "effq models import efficientnetv2_b0_imagenet" in said
    assert f"library_download_{WEIGHTS_MODEL}" in [button.key for button in app.button]


def test_before_something_is_removed_the_runs_that_used_it_are_named(
    open_page: Open, home: Home
) -> None:
    home.models.mkdir()
    (home.models / "efficientnetv2-b0.h5").write_bytes(b"x" * 2048)
    database = Database(home.database)
    run = database.create_run(Experiment(model=WEIGHTS_MODEL), "the *first*")
    database.set_status(run, Status.FAILED)
    database.close()
    app = open_page(home)
    assert "2.00 KiB on disk" in words(app)
    app = app.button(key=f"library_remove_{WEIGHTS_MODEL}").click().run()
    assert "1 run used it" in words(app)
    assert "the *first*" in words(app)


def test_runs_are_listed_with_their_sizes(open_page: Open, home: Home, tiny_run) -> None:
    shutil.copytree(tiny_run.home.root, home.root, dirs_exist_ok=True)
    database = Database(home.database)
    free_unused(home, database)  # the shared store may hold what earlier code has made
    database.close()
    app = open_page(home)
    assert not app.exception
    table = next(each.value for each in app.dataframe if "Only its own" in each.value)
    assert list(table["Run"]) == ["tiny"]
    assert list(table["Status"]) == ["Finished"]
    assert table["In total"][0] == table["Only its own"][0] > 1_000_000
    assert "everything in the store belongs to a run" in words(app)
    assert app.button(key="library_delete").disabled


@pytest.mark.parametrize(
    "status", [Status.QUEUED, Status.RUNNING, Status.FAILED, Status.CANCELLED, Status.INTERRUPTED]
)
def test_runs_of_every_status_can_be_shown(open_page: Open, home: Home, status: Status) -> None:
    database = Database(home.database)
    run = database.create_run(Experiment(), "<b>bold</b>")
    alive = {"driver_pid": os.getpid(), "driver_started": process_token(os.getpid())}
    database.set_status(run, status, **(alive if status.is_active else {}))
    database.close()
    app = open_page(home)
    assert not app.exception
    table = next(each.value for each in app.dataframe if "Only its own" in each.value)
    assert list(table["Status"]) == [status.value.capitalize()]


def test_what_no_run_uses_is_freed_with_one_button(open_page: Open, home: Home) -> None:
    with ArtifactStore(home).create("convert", "ab" * 32, {}) as draft:
        (draft.path / "model.tflite").write_bytes(b"x" * 5_000_000)
    app = open_page(home)
    button = app.button(key="library_free")
    assert button.label == "Free 4.77 MiB that no run uses"
    app = button.click().run()
    assert ArtifactStore(home).list_all() == []
    assert "library_free" not in [button.key for button in app.button]


def test_a_damaged_index_is_a_message_and_the_rest_of_the_page_works(
    open_page: Open, home: Home
) -> None:
    home.database.write_bytes(b"this is not a database" * 100)
    app = open_page(home)
    assert not app.exception
    said = words(app)
    assert "is damaged" in said
    assert "EfficientNet-Lite0 · ImageNet-1k" in said
    assert "bug" not in said.lower()


def test_a_damaged_list_of_folders_is_a_message(open_page: Open, home: Home) -> None:
    (home.root / "folders.json").write_text("{")
    app = open_page(home)
    assert not app.exception
    assert "no photo is lost" in words(app)
    assert "EfficientNet-Lite0 · ImageNet-1k" in words(app)
