"""The experiment form's part about the mixed file."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers, Mixed, Precision
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.app.conftest import OpenView, words


def run(app: AppTest, home: Path, started: list[str]) -> Experiment:
    app.button(key="do_run").click().run()
    assert not app.exception
    database = Database(home / "effq.sqlite3")
    try:
        return Experiment.from_dict(database.get_run(started[-1]).experiment)
    finally:
        database.close()


def test_a_ticked_mixed_file_asks_for_limits_and_runs_within_them(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    assert not [box for box in app.number_input if box.key == "exp_mixed_drop"]
    app.checkbox(key="exp_variant_int8_mixed").check().run()
    assert app.text_input(key="exp_mixed_keep").value == ""
    app.number_input(key="exp_mixed_drop").set_value(0.5)
    app.number_input(key="exp_mixed_ratio").set_value(2.0).run()
    experiment = run(app, tmp_path, started)
    assert experiment.mixed == Mixed(max_drop_points=0.5, max_latency_ratio=2.0)


def test_named_blocks_need_no_limits(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    app = open_view(tmp_path, "experiment")
    app.checkbox(key="exp_variant_int8_mixed").check().run()
    app.text_input(key="exp_mixed_keep").set_value(" stem, block1a ,").run()
    assert not [box for box in app.number_input if box.key == "exp_mixed_drop"]
    app.selectbox(key="exp_mixed_precision").set_value("float32").run()
    mixed = run(app, tmp_path, started).mixed
    assert mixed is not None
    assert mixed.keep == ("block1a", "stem")
    assert mixed.precision is Precision.FLOAT32


def test_a_limit_out_of_range_is_named(open_view: OpenView, tmp_path: Path) -> None:
    app = open_view(tmp_path, "experiment")
    app.checkbox(key="exp_variant_int8_mixed").check().run()
    app.number_input(key="exp_mixed_drop").set_value(-1.0).run()
    assert "The accuracy drop allowed is" in words(app).replace("**", "").replace("\\", "")
    assert app.button(key="do_run").disabled


def test_a_changed_run_keeps_what_it_asked_of_its_layers(
    open_view: OpenView, tmp_path: Path, started: list[str]
) -> None:
    asked = Experiment(
        variants=("float32", "int8", "int8_mixed"),
        layers=Layers(images=50, budget_seconds=90),
        mixed=Mixed(keep=("stem",), budget_seconds=60),
    )
    tmp_path.mkdir(exist_ok=True)
    database = Database(tmp_path / "effq.sqlite3")
    run_id = database.create_run(asked, "asked")
    database.set_status(run_id, Status.CANCELLED)
    database.close()
    app = open_view(tmp_path, "experiment", run_id)
    app.button(key="do_change").click().run()
    assert run(app, tmp_path, started) == asked
