"""A variant and a calibration method from outside the package, from the form to the export."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from plotly.graph_objects import Figure

from effq_core.base import plugins
from effq_core.base.errors import ExperimentError, StoreError
from effq_core.base.settings import Home
from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.deliver.bundle.card import model_card
from effq_core.experiment import Experiment
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import CATALOGUE, standard
from effq_core.pipeline import engine
from effq_core.pipeline.engine_files import code_stamp
from effq_core.results import Results, load_reference, load_results
from effq_core.store.database import Database
from tests.app.conftest import OpenView, open_view  # noqa: F401 - a fixture
from tests.variants.contract import check_method, check_variant

VARIANT, METHOD = "toy_scale", "toy_median"


def test_it_keeps_the_contract(toy: str, tmp_path: Path) -> None:
    check_variant(CATALOGUE[VARIANT], Home(tmp_path))
    check_method(METHODS[METHOD])


def test_it_stands_among_those_of_as_many_bits_and_is_made_on_request(toy: str) -> None:
    names = list(CATALOGUE)
    assert names.index("dynamic_range") + 1 == names.index(VARIANT) == names.index("int8") - 1
    assert VARIANT not in standard()


def test_other_tests_do_not_know_it() -> None:
    assert VARIANT not in CATALOGUE and METHOD not in METHODS


def test_an_engine_of_other_plugins_is_another_engine(toy: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EFFQ_PLUGINS")
        without = code_stamp()
    assert code_stamp() != without


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    environment = os.environ | {"EFFQ_PLUGINS": "broken", "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "effq_core", "runs"], capture_output=True, text=True, env=environment
    )
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "The plug-in 'broken' cannot be imported" in ended.stderr
    assert "no_such_module" in ended.stderr and "EFFQ_PLUGINS names modules" in ended.stderr


def test_a_run_whose_plugin_is_not_there_says_so() -> None:
    stored = copy.deepcopy(load_reference().plain)
    stored["experiment"]["variants"] = ["float32", VARIANT]
    with pytest.raises(StoreError, match=r"no variant 'toy_scale'.*name it in EFFQ_PLUGINS"):
        Results.from_dict(stored)
    for gone in ({"variants": [VARIANT]}, {"calibration": {"method": METHOD}}):
        with pytest.raises(ExperimentError, match=rf"'toy_.*Choose from.*{plugins.MISSED}"):
            Experiment.from_dict(gone)


def _effq(home: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "effq_core", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"EFFQ_HOME": str(home)},
        timeout=900,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_it_is_asked_for_made_measured_drawn_and_exported(
    toy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_view: OpenView,  # noqa: F811
) -> None:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a timing elsewhere on this host is no matter
    assert VARIANT in _effq(home.root, "run", "--help") + " "
    try:
        _effq(
            home.root, "run", "--variant", f"{VARIANT},int8", "--calibration-method", METHOD,
            "--image-size", "64", "--calibration-size", "20", "--training-size", "100",
            "--evaluation-size", "60", "--threads", "1", "--quiet",
        )  # fmt: skip
    finally:
        engine.stop(home)
    [run] = Database(home.database).list_runs()
    results = load_results(home, run)
    _made(results)
    _drawn(tradeoff(results, Against.SIZE))
    _exported(home.root, tmp_path / "export")
    assert CATALOGUE[VARIANT].summary in model_card(results, VARIANT)

    form = open_view(home.root, "experiment")
    [box] = [each for each in form.checkbox if each.key == f"exp_variant_{VARIANT}"]
    assert box.label == "Toy (one scale)"
    assert "Toy median" in form.selectbox(key="exp_calibration_method").options
    page = open_view(home.root, "results", run.id)
    assert not page.exception
    charts = [each.proto.spec for each in page.get("plotly_chart")]
    assert any("Toy (one scale)" in chart and "bowtie" in chart for chart in charts)


def _made(results: Results) -> None:
    made = results.variants[VARIANT]
    assert (
        made.conversion["form"] == "toy" and results.variants["int8"].conversion["method"] == METHOD
    )
    [own] = [gate for gate in made.gates if gate.name == "small_enough"]
    assert own.passed and made.compression > 2.5
    assert (
        isinstance(results.experiment, Experiment)
        and results.experiment.calibration.method == METHOD
    )
    assert made.comparison is not None and made.latency


def _drawn(figure: Figure) -> None:
    drawn = figure.to_json()
    assert "bowtie" in drawn and "#112233" in drawn and "Toy (one scale)" in drawn


def _exported(home: Path, folder: Path) -> None:
    _effq(home, "export", "latest", "--to", str(folder))
    assert (folder / f"{VARIANT}.tflite").stat().st_size > 100_000
    assert json.loads((folder / "scales.json").read_text()) == {"each_kernel": 1}
    told = (folder / "README.md").read_text(encoding="utf-8")
    assert CATALOGUE[VARIANT].summary in told and "`scales.json`: how many scales" in told
