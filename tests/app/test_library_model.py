"""Adding a model of one's own on the Library page, and choosing it for an experiment."""

from __future__ import annotations

import json
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.intake.adding import Checking
from effq_core.intake.steps import Step, StepState
from effq_core.models.card import Label
from effq_core.models.own import card as cards
from effq_core.models.own.card import own_models
from effq_core.models.own.ready import MODEL_FILE, ready_files, ready_folder
from effq_core.photos.image_input import ImageInput, Resize
from pages.ui.common.show import escape
from tests.app.conftest import OpenView, words
from tests.models.own_cards import CARD, add_card
from tests.models.own_files import TINY_LABELS, tiny_classifier

_SECONDS = 120


def _until(app: AppTest, text: str) -> AppTest:
    deadline = time.monotonic() + _SECONDS
    while text not in words(app):
        assert time.monotonic() < deadline, words(app)
        time.sleep(0.3)
        app.run()
    return app


def test_a_model_is_checked_step_by_step_shown_its_answers_and_kept(
    home: Home, open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(home.root, "library")
    app.file_uploader(key="library_model_file_0").upload(
        "my_net.keras", tiny_classifier(tmp_path).read_bytes(), "application/octet-stream"
    )
    app.selectbox(key="library_model_preprocessing").set_value("inside")
    app.text_area(key="library_model_labels").set_value("\n".join(TINY_LABELS))
    assert app.radio(key="library_model_resize").value == "crop"
    app.radio(key="library_model_resize").set_value("stretch")
    app.run()
    app.button(key="library_model_check").click().run()
    _until(app, "Predictions for sample photos")
    said = words(app).replace("\\", "")
    assert "Look for code in it" in said
    assert "Insert fake-quant for QAT" in said
    assert app.text_input(key="library_model_name").value == "my net"
    app.button(key="library_model_keep").click().run()
    (kept,) = own_models(home)
    assert (kept.id, kept.image_input) == ("own:my_net", ImageInput(32, Resize.STRETCH))
    assert kept.class_labels == tuple(Label(name) for name in TINY_LABELS)
    assert "my net" in words(app)


def test_a_refused_file_is_named_with_its_reason_and_the_next_can_be_tried(
    home: Home, open_view: OpenView
) -> None:
    app = open_view(home.root, "library")
    app.file_uploader(key="library_model_file_0").upload("a.h5", b"no model", "x/y")
    app.selectbox(key="library_model_preprocessing").set_value("raw")
    app.text_area(key="library_model_labels").set_value("cat\ndog")
    app.run()
    app.button(key="library_model_check").click().run()
    _until(app, "neither a")
    assert own_models(home) == ()
    deadline = time.monotonic() + _SECONDS
    while not any(button.key == "library_model_again" for button in app.button):
        assert time.monotonic() < deadline, words(app)  # the step has failed; its check is ending
        app.run()
    app.button(key="library_model_again").click().run()
    assert app.file_uploader(key="library_model_file_0").label.startswith("Model file")


def test_what_a_checking_process_calls_its_steps_is_escaped(
    home: Home, open_view: OpenView
) -> None:
    app = open_view(home.root, "library")
    steps = (Step("[Look](http://evil) <b>here</b>", StepState.DONE),)
    app.session_state["library_model_checking"] = Checking(steps=steps, ended=True)
    app.run()
    said = words(app)
    assert escape(steps[0].title) in said
    assert steps[0].title not in said


def test_a_file_without_labels_is_not_even_started(home: Home, open_view: OpenView) -> None:
    app = open_view(home.root, "library")
    app.file_uploader(key="library_model_file_0").upload("a.h5", b"no model", "x/y")
    app.selectbox(key="library_model_preprocessing").set_value("raw")
    app.run()
    app.button(key="library_model_check").click().run()
    assert "There are no labels" in words(app).replace("\\", "")
    assert not (cards.own_folder(home)).exists()


def test_ones_own_model_has_a_card_that_escapes_its_name_and_can_be_removed(
    home: Home, open_view: OpenView
) -> None:
    add_card(
        home, "pets", title="My <b>pets</b>", qat_problems=["conv (Conv2D: grouped convolution)"]
    )
    app = open_view(home.root, "library")
    said = words(app)
    assert r"My \<b\>pets\</b\>" in said
    assert "No QAT: conv" in said.replace("\\", "")
    app.button(key="library_remove_own:pets").click().run()
    assert "No run has used it." in words(app)


def test_variants_a_model_cannot_become_are_off_and_say_which_layers(
    home: Home, open_view: OpenView
) -> None:
    add_card(home, "pets", qat_problems=["conv (Conv2D: grouped convolution)"])
    app = open_view(home.root, "experiment")
    assert not app.checkbox(key="exp_variant_int8_qat").disabled
    app.selectbox(key="exp_model").set_value("own:pets").run()
    for variant in ("int8_qat", "int8_qat_untrained", "int8_float_control"):
        box = app.checkbox(key=f"exp_variant_{variant}")
        assert box.disabled
        assert not box.value
    assert not app.checkbox(key="exp_variant_int8").disabled
    assert "grouped convolution" in words(app)


def test_a_removed_model_does_not_break_the_form(home: Home, open_view: OpenView) -> None:
    add_card(home, "pets")
    app = open_view(home.root, "experiment")
    app.selectbox(key="exp_model").set_value("own:pets").run()
    cards.remove_own_model("own:pets", home)
    app.run()
    assert app.selectbox(key="exp_model").value == "efficientnetv2_b0_imagenette"
    assert not app.exception


def _ready(home: Home, slug: str, classes: int) -> None:
    folder = ready_folder(home) / slug
    folder.mkdir(parents=True)
    labels = [[f"class {i}", None] for i in range(classes)]
    plain = {**CARD, "title": "Theirs", "labels": labels, "file_format": "int8"}
    (folder / "card.json").write_text(json.dumps(plain))
    (folder / MODEL_FILE).write_bytes(b"tflite")


def test_a_ready_file_is_listed_and_offered_only_where_its_classes_fit(
    home: Home, open_view: OpenView
) -> None:
    _ready(home, "theirs", 10)
    _ready(home, "other", 7)
    app = open_view(home.root, "library")
    assert "to be measured beside" in words(app)
    app.button(key="library_remove_file_other").click().run()
    assert [file.variant for file in ready_files(home)] == ["file_theirs"]
    app = open_view(home.root, "experiment")
    app.checkbox(key="exp_variant_file_theirs").check().run()
    app.selectbox(key="exp_model").set_value("efficientnet_lite0_imagenet").run()
    assert not [box for box in app.checkbox if "file_theirs" in str(box.key)]
    assert not app.exception
