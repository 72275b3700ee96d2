"""The predictions page: photos in, every variant's answer out, nothing raw in between."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from skimage import data
from streamlit.testing.v1 import AppTest

from effq_core.base.formatting import percent
from effq_core.base.settings import Home
from effq_core.experiment.variants import get_variant
from effq_core.photos.uploads import MAX_PHOTOS
from effq_core.predict.variant_answers import Predictor
from effq_core.results import REFERENCE, load_reference
from effq_core.store.database import Database
from tests.results.run_variations import SHIPPED

Open = Callable[..., AppTest]
ENTRY = Path(__file__).resolve().parents[2] / "streamlit_app.py"


def jpeg(array, size: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.resize(size) if size else image).save(buffer, "JPEG")
    return buffer.getvalue()


COFFEE, CAT = jpeg(data.coffee()), jpeg(data.chelsea())


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader(key="predictions_upload").set_value(
        [(name, content, "image/jpeg") for name, content in files]
    )
    return app.run()


def words(app: AppTest) -> str:
    """Everything the page says."""
    parts = [*app.markdown, *app.caption, *app.subheader, *app.warning, *app.info, *app.error]
    return "\n".join(str(part.value) for part in parts)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Open:
    def opened(home: Path, run: str = "") -> AppTest:
        monkeypatch.setenv("EFFQ_HOME", str(home))
        st.cache_resource.clear()
        st.cache_data.clear()
        app = AppTest.from_file(ENTRY, default_timeout=60)
        app.switch_page("pages/views/predictions.py")
        if run:
            app.query_params["run"] = run
        return app.run()

    return opened


@pytest.fixture
def app(open_page: Open, tiny_run) -> AppTest:
    """The page with the tiny run chosen; its model knows the sample photos themselves."""
    return open_page(tiny_run.home.root, tiny_run.run.id)


def test_an_empty_store_still_has_the_reference_run(open_page: Open, tmp_path: Path) -> None:
    app = open_page(tmp_path)

    assert not app.exception and not app.error
    assert app.selectbox[0].value == REFERENCE
    assert "Add a photo" in words(app)
    assert "tench, English springer" in words(app)


def test_runs_that_have_no_results_are_not_offered(open_page: Open, tmp_path: Path) -> None:
    from effq_core.experiment import Experiment
    from effq_core.store.rows import Status

    database = Database(tmp_path / "effq.sqlite3")
    for status in (Status.RUNNING, Status.FAILED, Status.CANCELLED):
        database.set_status(database.create_run(Experiment(), str(status)), status)
    database.close()

    app = open_page(tmp_path)

    assert len(app.selectbox[0].options) == 1 and not app.error


def test_a_photo_is_answered_by_every_variant_as_the_predictor_does(app: AppTest, tiny_run) -> None:
    upload(app, ("coffee.jpg", COFFEE))

    assert not app.exception and not app.error
    predictor = Predictor(tiny_run.results)
    said = words(app).replace("\\", "")
    charts = [element.proto.spec for element in app.get("plotly_chart")]
    for answer, chart in zip(predictor.answer(predictor.read(COFFEE, "x")), charts, strict=True):
        assert get_variant(answer.variant).title in said
        shown = [note["text"] for note in json.loads(chart)["layout"]["annotations"]]
        assert shown[0] == f"<b>{answer.guesses[0].label}</b>"
        assert shown[1] == percent(answer.guesses[0].probability)
    assert "The model sees 64 × 64 px" in said
    assert "600 × 400 px; the darkened parts are cut off" in said


def test_a_broken_photo_is_named_and_the_others_are_answered(app: AppTest) -> None:
    upload(app, ("coffee.jpg", COFFEE), ("*half*.jpg", COFFEE[:900]), ("cat.jpg", CAT))

    [warning] = app.warning
    assert warning.value.startswith("1 photo could not be read")
    assert r"\*half\*\.jpg is broken" in warning.value
    assert len(app.dataframe[0].value) == 2
    assert [option.split()[-1] for option in app.selectbox(key="predictions_photo").options] == [
        "coffee.jpg",
        "cat.jpg",
    ]


def test_a_page_with_only_broken_photos_says_so_and_nothing_else(app: AppTest) -> None:
    upload(app, ("page.jpg", b"<html>"))

    assert "not an image of a known format" in app.warning[0].value
    assert not app.get("plotly_chart") and not app.exception


def test_many_photos_make_a_table_with_agreement_and_a_file(app: AppTest, tiny_run) -> None:
    files = [(f"{n}.jpg", jpeg(data.coffee()[n * 20 :, n * 30 :])) for n in range(6)]
    upload(app, *files)

    table = app.dataframe[0].value
    assert list(table["photo"]) == [name for name, _ in files]
    variants = tiny_run.experiment.variants
    assert list(table.columns) == ["photo", "seen", *variants]
    same = sum(cell.startswith("✓") for cell in table["int8"])
    assert f"| int8 | {same} of 6: " in words(app)
    [button] = app.get("download_button")
    assert button.proto.label == "Download answers (CSV)"


def test_photos_beyond_the_bound_are_named(app: AppTest) -> None:
    small = jpeg(data.coffee(), (80, 60))
    upload(app, *[(f"photo{n:02}.jpg", small) for n in range(MAX_PHOTOS + 2)])

    assert len(app.dataframe[0].value) == MAX_PHOTOS
    assert r"photo20\.jpg, photo21\.jpg" in app.warning[0].value


def test_a_name_cannot_be_markup(app: AppTest) -> None:
    upload(app, ("[x](javascript:alert(1)) **b** :red[c] $d$.jpg", COFFEE))

    [heading] = app.subheader
    assert heading.value.startswith(r"\[x\]\(javascript\:alert\(1\)\) \*\*b\*\* \:red\[c\] \$d\$")


def test_samples_of_the_models_classes_need_no_explanation(app: AppTest) -> None:
    app.pills(key="predictions_samples").set_value(["coffee"]).run()

    assert app.subheader[0].value == "coffee" and not app.info
    assert "Rachel Michetti" in words(app)


def test_a_sample_of_no_class_of_the_model_is_said_to_be_one(
    open_page: Open, tmp_path: Path
) -> None:
    app = open_page(tmp_path, REFERENCE)
    app.pills(key="predictions_samples").set_value(["cat"]).run()

    assert "none of the 10 classes" in app.info[0].value
    assert len(app.get("plotly_chart")) == len(SHIPPED)
    assert set(SHIPPED) == set(load_reference().with_files)


def test_another_run_answers_the_same_photo_anew(app: AppTest, tiny_run) -> None:
    upload(app, ("coffee.jpg", COFFEE))
    assert "64 × 64 px" in words(app)

    app.selectbox(key="choose_run").set_value(REFERENCE).run()

    assert "The model sees 224 × 224 px" in words(app) and not app.exception
    assert len(app.get("plotly_chart")) == len(SHIPPED)


def test_the_camera_starts_only_when_asked(app: AppTest) -> None:
    assert not app.get("camera_input")

    app.toggle(key="predictions_camera_on").set_value(True).run()
    assert app.get("camera_input")
    app.camera_input(key="predictions_camera").set_value(("camera.jpg", CAT, "image/jpeg")).run()

    assert app.subheader[0].value == r"camera\.jpg"
    assert app.get("plotly_chart")


def test_photos_are_still_there_after_a_visit_to_another_page(app: AppTest) -> None:
    upload(app, ("coffee.jpg", COFFEE))
    app.switch_page("pages/views/library.py").run()
    app.switch_page("pages/views/predictions.py").run()

    assert app.subheader[0].value == r"coffee\.jpg"
    assert "1 photo from your last visit" in words(app)

    app.button(key="predictions_clear").click().run()
    assert not app.subheader and "Add a photo" in words(app)


def test_one_visitors_photo_is_not_shown_to_another(open_page: Open, tiny_run) -> None:
    first = open_page(tiny_run.home.root, tiny_run.run.id)
    upload(first, ("secret.jpg", COFFEE))
    second = AppTest.from_file(ENTRY, default_timeout=60)
    second.switch_page("pages/views/predictions.py").run()

    assert "secret" in words(first)
    assert "secret" not in words(second) and not second.get("plotly_chart")


def test_a_run_whose_file_is_gone_says_what_to_do(
    open_page: Open, tiny_run, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    for path in tiny_run.home.root.glob("effq.sqlite3*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    home.artifacts.mkdir()
    gone = tiny_run.results.variants["int8"].artifact
    for stage in tiny_run.home.artifacts.iterdir():
        (home.artifacts / stage.name).mkdir()
        for artifact in stage.iterdir():
            if f"{stage.name}/{artifact.name}" != gone:
                (home.artifacts / stage.name / artifact.name).symlink_to(artifact)

    app = open_page(tmp_path, tiny_run.run.id)

    assert "is missing" in app.error[0].value.replace("\\", "")
    assert "Run the experiment again" in app.error[0].value and not app.exception


def test_a_run_that_does_not_exist_is_said_and_the_page_works(
    open_page: Open, tmp_path: Path
) -> None:
    app = open_page(tmp_path, "../../etc/passwd")

    assert "cannot be shown" in app.warning[0].value and "passwd" not in words(app)
    assert app.file_uploader


def test_the_csv_is_what_the_table_shows(tiny_run) -> None:
    """The download button's content is not part of a page's test tree; it is made by this."""
    from effq_core.photos.uploads import read_upload
    from effq_core.predict.agreement import Answered, answers_csv, verdict

    predictor = Predictor(tiny_run.results)
    answered = []
    for name, content in (("coffee.jpg", COFFEE), ("cat.jpg", CAT)):
        photo = read_upload(content, name, predictor.image_size)
        answered.append(Answered(photo=photo, answers=predictor.answer(photo.pixels)))
    table = list(csv.DictReader(io.StringIO(answers_csv(answered))))

    for row, each in zip(table, answered, strict=True):
        for answer in each.answers:
            assert row[f"{answer.variant}_class"] in verdict(answer)
