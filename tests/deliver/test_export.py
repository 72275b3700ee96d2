"""Folders written for others: complete, exact, and never half there."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from effq_core.base.csv_table import csv_text
from effq_core.base.errors import InputError, StoreError
from effq_core.deliver import export as exporting
from effq_core.deliver.export import export
from effq_core.deliver.export_readme import feeding, reading, readme
from effq_core.predict.variant_answers import Predictor
from effq_core.results import load_reference, rows
from effq_core.runtimes.file_report import TensorInfo
from tests.results.run_variations import changed


@pytest.fixture(scope="module")
def folder(tiny_run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "out"
    export(tiny_run.results, target, name="tiny")
    return target


def test_the_folder_holds_every_file_as_it_was_measured(tiny_run, folder: Path) -> None:
    names = {f"{name}.tflite" for name in tiny_run.experiment.variants}
    names |= {"README.md", "labels.txt", "results.csv", "results.json", "predictions.csv"}

    assert {path.name for path in folder.iterdir()} == names
    assert [path.name for path in folder.parent.iterdir()] == ["out"], "nothing temporary is left"
    for name, variant in tiny_run.results.variants.items():
        content = (folder / f"{name}.tflite").read_bytes()
        assert hashlib.sha256(content).hexdigest() == variant.file.sha256


def test_csv_and_json_hold_the_results(tiny_run, folder: Path) -> None:
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))

    assert json.loads((folder / "results.json").read_text("utf-8")) == tiny_run.results.plain
    for written, row in zip(table, rows(tiny_run.results), strict=True):
        assert written == {key: "" if v is None else str(v) for key, v in row.items()}


def test_predictions_name_each_image_and_add_up_to_the_accuracies(tiny_run, folder: Path) -> None:
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))

    assert len(table) == 60
    for name, variant in tiny_run.results.variants.items():
        right = sum(row["true_class"] == row[f"{name}_class"] for row in table)
        assert right == variant.accuracy.top1.k


def test_a_disturbed_median_is_marked_in_the_readme() -> None:
    def busy(plain: dict[str, Any]) -> None:
        plain["variants"]["int8"]["latency"][0]["others_share"] = 0.4

    told = "Other programs used the processor"
    assert told not in readme(load_reference(), "")
    text = readme(changed(load_reference(), busy), "")
    assert " ms* | 2.74×* (not timed together) |" in text and told in text


def test_the_readme_says_how_each_file_is_fed(folder: Path) -> None:
    text = (folder / "README.md").read_text("utf-8")

    assert "`float32.tflite`: input float32, write RGB 0–255 as it is" in text
    assert "`int8.tflite`: input int8, write RGB − 128" in text
    assert "(value + 128) × 0.00390625" in text
    assert "64" in text and "tiny" in text


def test_the_readmes_program_answers_as_the_predictor_does(
    tiny_run, folder: Path, tmp_path: Path
) -> None:
    program = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)
    for name in ("int8.tflite", "labels.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    photo = tmp_path / "photo.jpg"
    Image.fromarray(data.coffee()).save(photo)
    predictor = Predictor(tiny_run.results, ["int8"])
    [answer] = predictor.answer(predictor.read(photo))

    run = subprocess.run(
        [sys.executable, "-c", program[1]], cwd=tmp_path, capture_output=True, text=True
    )

    expected = [f"{guess.probability:.3f}  {guess.label}" for guess in answer.guesses]
    assert run.stdout.strip().splitlines() == expected, run.stderr


@pytest.mark.parametrize(
    ("tensor", "fed", "read"),
    [
        (("FLOAT32", None, None), "float32, write RGB 0–255 as it is", "probabilities as they are"),
        (("INT8", 1.0, -128), "int8, write RGB − 128", "(value + 128) × 1"),
        (("UINT8", 1.0, 0), "uint8, write RGB 0–255 as it is", "= value × 1"),
        (("INT8", 0.5, 3), "int8, write round(RGB / 0.5) + (3)", "(value − 3) × 0.5"),
    ],
    ids=["float", "int8", "uint8", "other scale"],
)
def test_feeding_follows_the_files_own_quantization(tensor, fed: str, read: str) -> None:
    dtype, scale, zero_point = tensor
    info = TensorInfo(name="x", shape=(1, 8, 8, 3), dtype=dtype, scale=scale, zero_point=zero_point)

    assert feeding(info) == fed
    assert reading(info).endswith(read)


def test_a_folder_with_content_is_refused_and_left_alone(tiny_run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(InputError, match="not empty"):
        export(tiny_run.results, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(InputError, match="is a file"):
        export(tiny_run.results, tmp_path / "mine.txt", force=True)


def test_force_replaces_an_earlier_export_and_keeps_other_files(tiny_run, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("keep")
    (target / "results.csv").write_text("old")
    (target / "int8_float_control.tflite").write_text("of another run")

    written = export(tiny_run.results, target, force=True)

    assert (target / "mine.txt").read_text() == "keep"
    assert (target / "results.csv").read_text() != "old"
    assert not (target / "int8_float_control.tflite").exists()
    assert {path.name for path in target.iterdir()} == {p.name for p in written} | {"mine.txt"}


def test_an_export_that_fails_leaves_nothing_behind(tiny_run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exporting, "hash_file", lambda path: "0" * 64)

    with pytest.raises(StoreError, match="damaged"):
        export(tiny_run.results, tmp_path / "deep" / "out")

    assert list((tmp_path / "deep").iterdir()) == []


def test_a_full_disk_is_a_store_error(tiny_run, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting.shutil, "copyfile", full)

    with pytest.raises(StoreError, match="no space"):
        export(tiny_run.results, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_csv_quotes_what_needs_it_and_leaves_missing_cells_empty() -> None:
    text = csv_text([{"a": 'x, "y"', "b": None}, {"a": "ü", "b": 1.5}])

    assert text == 'a,b\n"x, ""y""",\nü,1.5\n'
    assert csv_text([]) == ""


def test_exported_files_run_where_nothing_of_effq_is(tiny_run, folder: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "int8.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    [(name, detail)] = runner.get_input_details().items()
    answer = runner(**{name: np.zeros(detail["shape"], detail["dtype"])})

    assert next(iter(answer.values())).shape == (1, len(tiny_run.results.labels()))


def test_a_spreadsheet_takes_no_name_for_a_formula() -> None:
    table = [{"image": "=HYPERLINK(1)", "true_class": "@SUM(1)", "ms": -1.5, "other": "a=b"}]

    assert csv_text(table).splitlines()[1] == "'=HYPERLINK(1),'@SUM(1),-1.5,a=b"
