"""Reading the results of a real run."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import controls
from effq_core.measure.gates import Gate
from effq_core.measure.latency import ratio_of
from effq_core.results import Results, find_run, load_reference, load_results, rows
from effq_core.store.database import Database
from effq_core.store.manifest import hash_file
from effq_core.store.rows import Status
from tests.results.run_variations import SHIPPED, changed


@pytest.fixture
def database(tmp_path: Path):
    made = Database(tmp_path / "effq.sqlite3")
    yield made
    made.close()


def test_everything_in_the_document_is_read_back_typed(tiny_run) -> None:
    results = tiny_run.results

    assert results.experiment == tiny_run.experiment
    assert tuple(results.variants) == tiny_run.experiment.variants
    assert results.threads == (1, 2)
    assert results.baseline.accuracy.n == 60
    assert results.baseline.comparison is None
    for name, variant in results.variants.items():
        plain = results.plain["variants"][name]
        assert variant.file.to_dict() == plain["file"]
        assert variant.accuracy.to_dict() == plain["accuracy"]
        assert [timing.to_dict() for timing in variant.latency] == plain["latency"]
        assert list(variant.gates) == [Gate.from_dict(gate) for gate in plain["gates"]]


def test_files_labels_and_predictions_of_a_run_are_found(tiny_run) -> None:
    results = tiny_run.results

    assert len(results.labels()) == len(results.dataset["class_names"])
    for name, variant in results.variants.items():
        assert results.model_file(name).stat().st_size == variant.file.size_bytes
        predictions = results.predictions(name)
        assert predictions.n == 60
        assert int((predictions.predicted == predictions.truth).sum()) == variant.accuracy.top1.k


def test_a_variant_the_run_lacks_is_an_input_error(tiny_run) -> None:
    with pytest.raises(InputError, match="int8_float_control"):
        tiny_run.results.model_file("int8_float_control")


def test_a_run_times_all_its_files_in_one_sitting_and_speedups_are_taken_by_round(tiny_run) -> None:
    results = tiny_run.results
    timings = [timing for variant in results.variants.values() for timing in variant.latency]
    assert len({timing.sitting for timing in timings}) == 1 and timings[0].sitting
    base, own = results.baseline.timing(1), results.variants["int8"].timing(1)

    found = results.speedup("int8", 1)
    assert found == ratio_of(base, own) and found.rounds >= 3
    assert results.speedup("float32", 2).times == 1.0
    assert results.speedup("int8", 3) is None
    assert len(own.samples_ms) >= results.experiment.benchmark_invocations


def test_results_of_before_say_that_they_were_not_timed_together() -> None:
    found = load_reference()
    if found.baseline.timing(1).sitting:
        found = changed(found, lambda plain: [
            timing.update(sitting="", rounds=[])
            for values in plain["variants"].values() for timing in values["latency"]
        ])  # fmt: skip
    ratio = found.speedup("int8", 1)
    medians = [found.variants[name].timing(1).median_ms for name in ("float32", "int8")]
    assert ratio.times == medians[0] / medians[1]
    assert ratio.interval == "not timed together" and not ratio.disturbed
    row = rows(found)[3]
    assert (row["threads_1_rounds"], row["threads_1_times_faster_low"]) == (0, None)


def test_rows_have_the_same_columns_and_units_in_their_names(tiny_run) -> None:
    table = rows(tiny_run.results)

    assert [row["variant"] for row in table] == list(tiny_run.experiment.variants)
    assert len({tuple(row) for row in table}) == 1
    first, int8 = table[0], table[3]
    assert first["times_smaller"] == 1.0
    assert first["difference_points"] is None
    assert first["size_kib"] == first["size_bytes"] / 1024
    assert int8["threads_1_times_faster"] > 0
    assert int8["top1_percent"] == 100 * tiny_run.results.variants["int8"].accuracy.top1.share
    difference = int8["top1_percent"] - first["top1_percent"]
    assert int8["difference_points"] == pytest.approx(difference)


def test_rows_of_unlabelled_photos_leave_accuracy_empty(tiny_run) -> None:
    plain = copy.deepcopy(tiny_run.results.plain)
    for values in plain["variants"].values():
        values["accuracy"] |= {"top1": None, "top5": None, "calibration_error": None}
        values["accuracy"] |= {"per_class": [], "bins": [], "confusion": []}
        if values["comparison"]:
            values["comparison"] |= {"difference_points": None, "p": None, "worse": None}

    row = rows(Results.from_dict(plain))[3]

    assert row["top1_percent"] is None and row["difference_points"] is None
    assert row["agreement_percent"] is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda plain: plain.pop("variants"),
        lambda plain: plain["variants"]["int8"].pop("latency"),
        lambda plain: plain["experiment"].update(colour="red"),
        lambda plain: plain.update(hardware=None),
        lambda plain: plain.update(format=2),
    ],
    ids=["no variants", "no latency", "unknown choice", "no hardware", "newer format"],
)
def test_a_document_of_another_version_is_a_store_error(tiny_run, damage) -> None:
    plain = copy.deepcopy(tiny_run.results.plain)
    damage(plain)

    with pytest.raises(StoreError) as caught:
        Results.from_dict(plain)
    assert caught.value.hint


def test_results_that_are_gone_or_not_there_yet_say_what_to_do(tiny_run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no results") as waiting:
        load_results(tiny_run.home, replace(tiny_run.run, results=None, status=Status.RUNNING))
    assert "effq show" in waiting.value.hint
    with pytest.raises(InputError) as failed:
        load_results(tiny_run.home, replace(tiny_run.run, results=None, status=Status.FAILED))
    assert "effq resume" in failed.value.hint
    with pytest.raises(StoreError, match="gone"):
        load_results(Home(tmp_path), tiny_run.run)


def test_a_damaged_results_file_is_a_store_error(tiny_run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("effq_core.results.access.REFERENCE_FOLDER", tmp_path)
    with pytest.raises(InputError, match="no reference run"):
        load_reference()
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        load_reference()
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(StoreError, match="does not hold results"):
        load_reference()
    (tmp_path / "results.json").write_text(json.dumps(tiny_run.results.plain))
    assert tuple(load_reference().variants) == tiny_run.experiment.variants


def test_the_reference_runs_files_are_those_that_were_measured() -> None:
    reference = load_reference()

    assert reference.with_files == SHIPPED
    for name in SHIPPED:
        assert hash_file(reference.model_file(name)) == reference.variants[name].file.sha256
    assert reference.labels() == reference.dataset["class_names"]
    for name in controls():
        assert reference.predictions(name).probabilities.shape[0] == reference.baseline.accuracy.n
        with pytest.raises(InputError, match=r"\.tflite file of int8 .* only its measurements"):
            reference.model_file(name)


def test_results_without_a_folder_have_no_files(tiny_run) -> None:
    bare = Results.from_dict(tiny_run.results.plain)

    assert bare.with_files == ()
    for read in (bare.model_file, bare.predictions):
        with pytest.raises(InputError, match="file") as caught:
            read("int8")
        assert "effq run" in caught.value.hint


def test_a_run_is_found_by_id_prefix_name_or_as_the_latest(database: Database) -> None:
    with pytest.raises(InputError, match="no run yet"):
        find_run(database, "latest")
    first = database.create_run(Experiment(), "monday")
    second = database.create_run(Experiment(seed=1))
    database.set_status(first, Status.FINISHED, results="0" * 64)

    assert find_run(database, first).id == first
    assert find_run(database, first[:-1] if first[:-1] != second[:-1] else first).id == first
    assert find_run(database, "monday").id == first
    assert find_run(database, "latest").id in (first, second)
    assert find_run(database, "latest", with_results=True).id == first
    with pytest.raises(InputError, match="can mean 2 runs"):
        find_run(database, first[:4])
    for nothing in ("", "nope", "%", "../x"):
        with pytest.raises(InputError, match="There is no run"):
            find_run(database, nothing)


def test_half_a_file_is_not_handed_out(tiny_run, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(tiny_run.home.root, home.root)
    results = load_results(home, tiny_run.run)
    path = results.model_file("int8")
    path.write_bytes(path.read_bytes()[:1000])

    with pytest.raises(StoreError, match="1,000 bytes instead of the"):
        results.model_file("int8")
    assert results.model_file("float32").is_file()
