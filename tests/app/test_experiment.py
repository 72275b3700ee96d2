"""The form of an experiment: choosing, what is refused, and starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.glossary import tip
from effq_core.experiment import Experiment, Qat
from effq_core.experiment.setting import walk
from effq_core.experiment.variants import CATALOGUE
from effq_core.store.database import Database
from effq_core.store.rows import Status
from pages.ui.experiment.state import setting_key, variant_key
from tests.app.conftest import OpenView, button_of, words


def test_the_form_starts_with_the_demo_and_says_what_it_takes(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    assert not app.exception and not app.error
    said = words(app)
    assert "0 of 29 stages cached" in said
    assert "Photos: 100 to calibrate, 600 to train, 600 to measure" in said
    assert "3,850 photos" in said
    assert not button_of(app, "Run").disabled


def test_a_variants_help_says_how_its_weights_are_rounded(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    said = f"**Rounding rule:** nearest. {tip('rounding')}"
    assert said in app.checkbox(key="exp_variant_int8").help
    assert "Rounding" not in app.checkbox(key="exp_variant_float16").help


def test_every_setting_is_asked_for(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    app.checkbox(key="exp_variant_int8_mixed").check()
    app.checkbox(key="exp_variant_fitted").check()
    app.checkbox(key="exp_variant_int4").check().run()
    drawn = {
        widget.key
        for kind in ("slider", "selectbox", "number_input", "multiselect", "text_input", "checkbox")
        for widget in app.get(kind)
    }
    asked = {setting_key(each) for each in walk(Experiment) if each.title and each.part != "layers"}
    assert len(asked) > 18 and asked <= drawn
    assert {"exp_model", "exp_dataset"} | set(map(variant_key, CATALOGUE)) <= drawn


def test_what_the_form_does_not_ask_for_of_a_run_is_kept(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    earlier = Experiment(benchmark_invocations=200, qat=Qat(validation_share=0.2, batch_size=24))
    database = Database(tmp_path / "effq.sqlite3")
    run_id = database.create_run(earlier)
    database.set_status(run_id, Status.CANCELLED)
    app = open_view(tmp_path, "experiment", run_id)
    button_of(app, "Change and run again").click().run()
    button_of(app, "Run").click().run()
    run = database.get_run(started[0])
    database.close()
    assert Experiment.from_dict(run.experiment) == earlier


def test_the_estimate_follows_the_choices(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    for variant in ("int8", "int8_qat", "dynamic_range", "float16"):
        app.checkbox(key=f"exp_variant_{variant}").uncheck()
    app.run()
    said = words(app)
    assert "nothing to compare it with" in said
    assert "of 29 stages" not in said
    assert not any(widget.label == "QAT epochs" for widget in app.number_input)


def test_a_click_soon_after_a_value_was_typed_runs_with_that_value(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key="exp_seed").set_value(7)
    button_of(app, "Run").click().run()  # without the page being drawn in between
    database = Database(tmp_path / "effq.sqlite3")
    assert database.get_run(started[0]).experiment["seed"] == 7
    database.close()


def test_what_cannot_be_run_is_said_and_cannot_be_started(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key="exp_evaluation_size").set_value(5000).run()
    assert "5,000 were asked for" in words(app)
    assert button_of(app, "Run").disabled


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("exp_epochs", 500, "The number of QAT epochs is 500. Choose from 1 to 100"),
        ("exp_seed", -5, "The seed is -5. Choose from 0 to"),
        ("exp_percentile", 50.0, "The calibration percentile is 50.0. Choose from 90.0"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(
    open_view: OpenView, tmp_path: Path, key: str, value: float, said: str
) -> None:
    app = open_view(tmp_path, "experiment")
    app.number_input(key=key).set_value(value).run()
    assert said in words(app).replace("\\", "").replace("**", "")
    assert button_of(app, "Run").disabled


def test_photos_that_are_not_here_lead_to_the_library(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    app.selectbox(key="exp_dataset").set_value("imagenette").run()
    assert "not on this machine yet" in words(app)
    assert button_of(app, "Run").disabled
    assert not app.exception


def test_the_papers_preset_keeps_its_settings_on_what_is_bundled(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "experiment")
    button_of(app, "The paper's experiment").click().run()
    assert app.slider(key="exp_calibration_size").value == 500
    assert app.selectbox(key="exp_calibration_method").value == "min_max"
    assert app.number_input(key="exp_epochs").value == 5
    assert app.checkbox(key="exp_variant_int8_float_control").value
    assert "runs on **the bundled model and photos**" in words(app)


def test_a_folder_outside_the_named_roots_is_refused(open_view: OpenView, tmp_path: Path) -> None:
    database = Database(tmp_path / "effq.sqlite3")
    # The command line may use any folder; who visits a served page may not go on with it.
    run_id = database.create_run(Experiment(dataset="folder:/etc"))
    database.set_status(run_id, Status.FAILED, error="no images")
    database.close()
    app = open_view(tmp_path, "experiment", run_id)
    button_of(app, "Change and run again").click().run()
    assert not app.exception
    assert button_of(app, "Run").disabled
    assert "EFFQ_DATA_ROOTS" in words(app).replace("\\", "")


def test_run_starts_what_the_form_says(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.slider(key="exp_calibration_size").set_value(200)
    app.number_input(key="exp_seed").set_value(7)
    app.text_input(key="exp_name").set_value("mine").run()
    button_of(app, "Run").click().run()
    (run_id,) = started
    assert app.query_params["run"] in (run_id, [run_id])
    database = Database(tmp_path / "effq.sqlite3")
    run = database.get_run(run_id)
    database.close()
    assert run.name == "mine"
    experiment = Experiment.from_dict(run.experiment)
    assert (experiment.calibration.size, experiment.seed) == (200, 7)
