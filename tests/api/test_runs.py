"""A run in a notebook: frames, figures, files."""

from __future__ import annotations

import inspect
import json
import zipfile
from pathlib import Path

import plotly.graph_objects as go
import pytest

from effq_core import Run, errors, open_run
from effq_core.api.charts import Charts
from effq_core.results import load_reference, rows

CHARTS = [name for name, _ in inspect.getmembers(Charts, inspect.isfunction) if name[0] != "_"]


@pytest.fixture(scope="module")
def reference() -> Run:
    return open_run("reference")


def test_a_table_has_every_number_of_every_variant(reference: Run) -> None:
    expected = rows(load_reference())
    assert list(reference.table.index) == [row["variant"] for row in expected]
    assert reference.table.loc["int8", "size_bytes"] == expected[3]["size_bytes"]
    assert {*reference.table.columns, "variant"} == set(expected[0])


def test_predictions_and_gates_are_frames(reference: Run) -> None:
    predictions = reference.predictions
    right = (predictions["int8_class"] == predictions["true_class"]).mean()
    assert 100 * right == pytest.approx(reference.table.loc["int8", "top1_percent"])
    assert reference.gates["passed"].all()
    assert {"int8", "int8_qat"} < set(reference.gates.index)


def test_what_to_ship_is_said_with_what_speaks_against_it(reference: Run) -> None:
    assert reference.recommended == "int8"
    assert "3.30× smaller" in reference.summary
    assert reference.cautions


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_a_figure(reference: Run, name: str) -> None:
    needed = ["int8"] if name == "class_changes" else []
    figure = getattr(reference.charts, name)(*needed)
    assert isinstance(figure, go.Figure)
    assert figure.data


def test_a_chart_of_what_was_not_measured_is_refused(reference: Run) -> None:
    with pytest.raises(errors.InputError, match=r"Choose from: 1, 2\."):
        reference.charts.latency(threads=3)
    with pytest.raises(errors.InputError, match="no variant 'int9'"):
        reference.charts.confusion("int9")


def test_charts_of_threads_and_pairs_differ(reference: Run) -> None:
    charts = reference.charts
    assert charts.latency(1) == charts.latency() != charts.latency(2)
    assert charts.class_changes("int8") != charts.class_changes("int8", against="float16")


def test_files_are_those_that_were_measured(reference: Run) -> None:
    sizes = reference.table["size_bytes"]
    assert "int8_float_control" not in reference.files  # only its measurements are bundled
    for variant, path in reference.files.items():
        assert path.stat().st_size == sizes[variant]


def test_a_run_is_written_to_a_folder_and_a_zip(reference: Run, tmp_path: Path) -> None:
    written = reference.export(tmp_path / "out")
    assert tmp_path / "out" / "int8.tflite" in written
    assert json.loads((tmp_path / "out" / "results.json").read_text())["format"] == 1
    with pytest.raises(errors.InputError, match="not empty"):
        reference.export(tmp_path / "out")
    assert reference.export(tmp_path / "out", force=True) == written
    bundle = reference.bundle("int8", tmp_path / "int8.zip")
    assert any(name.endswith("/int8.tflite") for name in zipfile.ZipFile(bundle).namelist())


def test_a_notebook_shows_the_summary_and_a_table(reference: Run) -> None:
    shown = reference._repr_html_()
    assert reference.summary in shown
    assert shown.count("<tr") == 1 + 1 + len(reference.table)
    assert repr(reference) == "Run(id='reference')"


def test_a_run_that_is_not_there_is_refused(home) -> None:
    with pytest.raises(errors.InputError):
        open_run("latest")
