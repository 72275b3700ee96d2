"""Every variant and calibration method has what all others need of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from effq_core.base.errors import ExperimentError, InputError
from effq_core.base.registry import Registry
from effq_core.base.settings import Home
from effq_core.cli.app import app
from effq_core.experiment import Calibration, Experiment
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import CATALOGUE
from tests.app.conftest import OpenView, open_view  # noqa: F401 - a fixture
from tests.variants.contract import check_method, check_variant

ROOT = Path(__file__).resolve().parents[2]
KINDS = pytest.mark.parametrize("kind", [CATALOGUE, METHODS], ids=["variants", "methods"])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_variant_has_all_that_is_needed_of_it(name: str, tmp_path: Path) -> None:
    check_variant(CATALOGUE[name], Home(tmp_path))


@pytest.mark.parametrize("name", METHODS)
def test_a_calibration_method_has_all_that_is_needed_of_it(name: str) -> None:
    check_method(METHODS[name])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_variant_is_a_folder(name: str) -> None:
    assert (ROOT / "effq_core/variants" / name / "__init__.py").is_file()


@pytest.mark.parametrize("name", METHODS)
def test_a_calibration_method_is_a_folder_and_documented(name: str) -> None:
    assert (ROOT / "effq_core/quantize/calibrate" / name / "__init__.py").is_file()
    docs = (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
    assert any(f"`{name}`" in path.read_text("utf-8") for path in docs)


def test_forms_offer_all_of_them(open_view: OpenView, tmp_path: Path) -> None:  # noqa: F811
    page = open_view(tmp_path, "experiment")
    boxes = {box.key: box for box in page.checkbox}
    for row in CATALOGUE.values():
        assert boxes[f"exp_variant_{row.name}"].label == row.title
    assert page.selectbox(key="exp_calibration_method").options == [
        row.title for row in METHODS.values()
    ]


def test_the_command_line_names_all_of_them() -> None:
    told = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "400"}).output
    assert [name for name in (*CATALOGUE, *METHODS) if name not in told] == []


@KINDS
def test_an_unknown_one_is_refused_with_those_there_are(kind: Registry) -> None:
    with pytest.raises(ExperimentError) as caught:
        kind["of_no_such_name"]
    assert "'of_no_such_name'" in caught.value.message
    assert caught.value.hint == f"Choose from: {', '.join(kind)}."
    with pytest.raises(ExperimentError):
        kind[None]  # type: ignore[index]


@KINDS
def test_one_that_could_be_taken_for_another_is_refused(kind: Registry) -> None:
    row, before = kind.values()[0], list(kind)
    for what in kind._unique:
        others = {each: f"another {each}" for each in kind._unique if each != what}
        with pytest.raises(InputError, match=f"of the {what}"):
            kind.register(replace(row, **others))
    assert list(kind) == before


def test_what_an_older_version_stored_is_read() -> None:
    stored = {"variants": ["float32", "int8"], "calibration": {"size": 20, "method": "min_max"}}
    read = Experiment.from_dict(stored)
    assert read.calibration == Calibration(size=20, method="min_max")
    with pytest.raises(ExperimentError, match="'gone' is not a calibration method"):
        Experiment.from_dict({"calibration": {"method": "gone"}})
