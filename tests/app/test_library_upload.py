"""Adding photos of one's own on the Library page, and choosing them for an experiment."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.photos.own_photos import own_photos
from effq_core.photos.uploads import MAX_UPLOAD_MIB
from tests.app.conftest import OpenView, words
from tests.photos.incoming.ingest_helpers import left_behind, photo, zipped

PHOTOS = [(f"set/{c}/{n}.png", photo(n)) for n, c in enumerate(["*cat*", "dog"] * 20)]


def give(app: AppTest, name: str, content: bytes) -> AppTest:
    kind = "text/csv" if name.endswith(".csv") else "application/zip"
    (uploader,) = (each for each in app.file_uploader if each.label.startswith("A zip of photos"))
    return uploader.set_value((name, content, kind)).run()


def left(home: Home) -> list[str]:
    return [name for name in left_behind(home.root) if not name.startswith("effq.sqlite3")]


def plain(app: AppTest) -> str:
    return words(app).replace("\\", "")


def test_a_zip_is_looked_at_named_and_added(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "library")
    assert "At most 200 MiB and 20,000 files" in plain(app)
    entries = [
        *PHOTOS,
        ("set/bad.jpg", b"x"),
        ("set/dog/copy.png", photo(1)),
        ("set/.DS_Store", b""),
    ]
    app = give(app, "my_*pets*.zip", zipped(entries))
    assert own_photos(home) == ()
    assert left(home) == []
    app = app.button(key="library_upload_look").click().run()
    assert not app.exception
    said = plain(app)
    for text in (
        "40 photos · 2 classes · labels from folders",
        "no splits: EffQ makes them · 2 files left out · 1 system file ignored",
        "2 files would be left out",
    ):
        assert text in said
    tables = {tuple(table.value): table.value for table in app.dataframe}
    assert list(tables["Class", "Photos"]["Class"]) == ["*cat*", "dog"]
    assert set(tables["File", "Why"]["Why"]) == {
        "outside any class folder",
        "same content as set/dog/1.png",
    }
    assert own_photos(home) == ()
    assert app.text_input(key="library_upload_name").value == "my *pets*"
    app = app.text_input(key="library_upload_name").set_value("Our *pets*").run()
    app = app.button(key="library_upload_add").click().run()
    assert not app.exception
    (added,) = own_photos(home)
    assert (added.id, added.title, added.photos) == ("photos:our-pets", "Our *pets*", 40)
    assert "Our *pets*" in plain(app)
    assert "40 photos of 2 classes." in plain(app)
    assert left(home) == []
    app = app.button(key=f"library_remove_{added.id}").click().run()
    assert "These photos are deleted from this machine" in plain(app)


def test_folders_one_level_down_can_be_taken_as_classes(open_view: OpenView, home: Home) -> None:
    entries = [
        (f"set/{name}/{n}.png", photo(100 * row + n))
        for row, name in enumerate(["animals/cat", "animals/dog", "vehicles/bus"])
        for n in range(8)
    ]
    app = give(open_view(home.root, "library"), "nested.zip", zipped(entries))
    app = app.button(key="library_upload_look").click().run()
    warned = "The upper folders are taken as classes: animals, vehicles."
    assert warned in plain(app)
    down = app.toggle(key="library_upload_down")
    assert down.label == "Use the 3 folders one level down as classes"
    app = down.set_value(True).run()
    assert not app.exception
    assert warned not in plain(app)
    assert "24 photos · 3 classes" in plain(app)
    app = app.toggle(key="library_upload_down").set_value(False).run()
    assert warned in plain(app)
    app = app.toggle(key="library_upload_down").set_value(True).run()
    app.button(key="library_upload_add").click().run()
    (added,) = own_photos(home)
    assert sorted(added.classes.values()) == ["bus", "cat", "dog"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.zip", b"not a zip", "not a zip archive"),
        ("a.zip", zipped([("x.txt", b"x")]), "There is no photo in it"),
        ("a.csv", b"x,y", "No photos were given"),
    ],
)
def test_what_cannot_be_used_is_a_message_and_leaves_nothing(
    open_view: OpenView, home: Home, name: str, content: bytes, why: str
) -> None:
    app = give(open_view(home.root, "library"), name, content)
    app = app.button(key="library_upload_look").click().run()
    assert not app.exception
    assert why in plain(app)
    assert "bug" not in plain(app).lower()
    assert not list(home.root.glob("datasets/.adding-*"))
    assert "library_upload_add" not in [button.key for button in app.button]


def test_photos_given_up_or_exchanged_are_gone(open_view: OpenView, home: Home) -> None:
    app = give(open_view(home.root, "library"), "a.zip", zipped(PHOTOS))
    app = app.button(key="library_upload_look").click().run()
    assert len(list(home.datasets.glob(".adding-*"))) == 1
    app = give(app, "b.zip", zipped(PHOTOS[:4]))
    assert list(home.datasets.glob(".adding-*")) == []
    app = app.button(key="library_upload_look").click().run()
    assert "4 photos are few" in plain(app)
    app = app.button(key="library_upload_give_up").click().run()
    assert list(home.datasets.glob(".adding-*")) == []
    assert "library_upload_look" not in [button.key for button in app.button]


def test_a_name_that_is_taken_is_said_and_another_one_can_be_given(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "library")
    for _ in range(2):
        app = give(app, "pets.zip", zipped(PHOTOS))
        app = app.button(key="library_upload_look").click().run()
        app = app.button(key="library_upload_add").click().run()
        assert not app.exception
    assert "There are photos called pets already" in plain(app)
    app = app.text_input(key="library_upload_name").set_value("Pets again").run()
    app.button(key="library_upload_add").click().run()
    assert [each.slug for each in own_photos(home)] == ["pets", "pets-again"]


def test_few_photos_chosen_for_an_experiment_get_sizes_that_fit(
    open_view: OpenView, home: Home
) -> None:
    app = give(open_view(home.root, "library"), "pets.zip", zipped(PHOTOS))
    app = app.button(key="library_upload_look").click().run()
    app.button(key="library_upload_add").click().run()
    app = open_view(home.root, "experiment")
    app = app.selectbox(key="exp_dataset").select("photos:pets").run()
    assert not app.exception
    # 40 photos: 12 to measure on; of the 28 that remain a quarter, but at least 10, calibrates.
    assert app.slider(key="exp_calibration_size").value == 10
    assert app.number_input(key="exp_training_size").value is None
    assert "10 to calibrate, 18 to train, 12 to measure" in plain(app)
    head = "A new head is trained in place of the model's own. None of the 2 classes is one of its"
    assert head in plain(app)


def test_photos_to_predict_are_still_bounded_by_their_page(
    open_view: OpenView, home: Home, tiny_run
) -> None:
    app = open_view(tiny_run.home.root, "predictions", run=tiny_run.run.id)
    (uploader,) = app.file_uploader
    assert uploader.proto.max_upload_size_mb == MAX_UPLOAD_MIB == 20
