from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.charts.side_by_side import Quantity, side_by_side
from effq_core.charts.sweep import sweep_chart
from effq_core.measure.predictions import Predictions
from effq_core.photos.index import ImageItem, items_to_json
from effq_core.photos.pixels import ITEMS_FILE
from effq_core.results import Results
from effq_core.results.several import Touches, across, differences, verdicts
from effq_core.store.manifest import MANIFEST
from effq_core.sweeps.points import Along, Measure
from effq_core.sweeps.results import baselines, sweep
from tests.results.run_variations import changed, together, unlabelled


def with_calibration(results: Results, size: int, method: str = "percentile") -> Results:
    return changed(
        results, lambda plain: plain["experiment"]["calibration"].update(size=size, method=method)
    )


def with_epochs(results: Results, epochs: int) -> Results:
    return changed(results, lambda plain: plain["experiment"]["qat"].update(epochs=epochs))


def other_photos(results: Results, folder: Path) -> Results:
    """The same run, as if its photos had other keys."""
    for name in results.variants:
        found = results.predictions(name)
        keys = [f"other/{key}" for key in found.keys]
        Predictions(found.probabilities, found.labels, found.class_map, keys).save(
            folder / "evaluate" / name
        )

    def move(plain) -> None:
        for name, values in plain["variants"].items():
            values["predictions"] = f"evaluate/{name}"

    moved = changed(results, move)
    return Results.from_dict(moved.plain, folder)


def test_a_run_does_not_differ_from_itself(reference: Results) -> None:
    assert differences([reference, reference]) == ()
    assert verdicts(()) == ()


def test_another_machine_forbids_comparing_latency_only(reference: Results) -> None:
    other = changed(reference, lambda plain: plain["hardware"].update(cpu="Cortex-A72"))

    found = differences([reference, other])
    assert [(entry.what, entry.touches) for entry in found] == [("Machine", Touches.LATENCY)]
    assert verdicts(found) == (
        "Latencies of these runs cannot be compared: they differ in machine.",
    )


def test_another_model_forbids_comparing_accuracy(reference: Results) -> None:
    other = changed(reference, lambda plain: plain["model"].update(title="EfficientNet-Lite0"))

    [sentence] = verdicts(differences([reference, other]))
    assert sentence == "Accuracies of these runs cannot be compared: they differ in model."


def test_other_photos_of_the_same_dataset_forbid_comparing_accuracy(
    reference: Results, tmp_path: Path
) -> None:
    other = other_photos(reference, tmp_path)

    found = differences([reference, other])
    assert [(entry.what, entry.values) for entry in found] == [
        ("Photos drawn", ("sample 1", "sample 2"))
    ]
    assert across(reference, other) == {}, "other photos cannot be paired"


def with_content(results: Results, folder: Path, dataset: str, salt: str) -> Results:
    """The same run of a dataset of another name, with its photos' content on record."""
    keys = results.predictions(results.baseline.name).keys
    pixels = hashlib.sha256(dataset.encode()).hexdigest()
    items = [ImageItem(key, 0, None, hashlib.sha256(f"{salt}{key}".encode()).hexdigest())
             for key in keys]  # fmt: skip
    (folder / "pixels" / pixels).mkdir(parents=True)
    (folder / "pixels" / pixels / ITEMS_FILE).write_text(
        json.dumps({"items": items_to_json(items)})
    )
    for name in results.variants:
        stored = folder / "evaluate" / name
        results.predictions(name).save(stored)
        manifest = {"inputs": {"inputs": {"evaluation": {"kind": "pixels", "fingerprint": pixels}}}}
        (stored / MANIFEST).write_text(json.dumps(manifest))

    def move(plain) -> None:
        plain["experiment"]["dataset"] = dataset
        for name, values in plain["variants"].items():
            values["predictions"] = f"evaluate/{name}"

    return replace(changed(results, move), folder=folder)


def test_a_moved_folder_of_the_same_photos_forbids_nothing(
    reference: Results, tmp_path: Path
) -> None:
    a = with_content(reference, tmp_path / "a", "folder:/a", "same")
    b = with_content(reference, tmp_path / "b", "folder:/b", "same")

    assert not verdicts(differences([a, b]))
    assert across(a, b)


def test_other_photos_under_the_same_names_are_not_paired(
    reference: Results, tmp_path: Path
) -> None:
    a = with_content(reference, tmp_path / "a", "folder:/a", "cats")
    b = with_content(reference, tmp_path / "b", "folder:/b", "dogs")

    assert "Accuracies of these runs cannot be compared" in verdicts(differences([a, b]))[0]
    assert across(a, b) == {}


def test_photos_whose_content_is_not_on_record_are_the_datasets(reference: Results) -> None:
    other = changed(reference, lambda plain: plain["experiment"].update(dataset="folder:/b"))

    assert across(reference, other) == {}


def test_a_choice_of_the_experiment_is_said_and_compared(reference: Results) -> None:
    other = with_calibration(reference, 200, "min_max")

    [entry] = differences([reference, other])
    assert entry.values == ("500 photos, percentile 99.99 %", "200 photos, min-max")


def test_variants_of_two_runs_are_paired_photo_by_photo(reference: Results) -> None:
    found = across(reference, reference)

    assert set(found) == set(reference.variants)
    assert {comparison.agreement.share for comparison in found.values()} == {1.0}


def test_a_sweep_joins_runs_that_differ_in_calibration_size_only(reference: Results) -> None:
    runs = [("b", reference), ("a", with_calibration(reference, 20))]

    series = {entry.variant: entry for entry in sweep(runs, Along.CALIBRATION_SIZE)}
    assert [point.x for point in series["int8"].points] == [20, 500]
    assert series["int8"].label == "int8"
    top1 = reference.variants["int8"].accuracy.top1
    point = series["int8"].points[1]
    assert (point.y, point.low, point.high) == pytest.approx(
        (100 * top1.share, 100 * top1.low, 100 * top1.high)
    )
    assert point.n == 1966
    assert "float16" not in series, "it needs no calibration"


def test_a_sweep_keeps_other_calibration_methods_apart_and_says_so(reference: Results) -> None:
    runs = [("a", reference), ("b", with_calibration(reference, 20, "min_max"))]

    labels = {e.label for e in sweep(runs, Along.CALIBRATION_SIZE) if e.variant == "int8"}
    assert labels == {"int8: percentile 99.99 %", "int8: min-max"}


def test_a_sweep_over_epochs_starts_at_the_untrained_control(reference: Results) -> None:
    runs = [("a", reference), ("b", with_epochs(reference, 5))]

    series = {entry.variant: entry for entry in sweep(runs, Along.QAT_EPOCHS)}
    assert [point.x for point in series["int8_qat"].points] == [0, 2, 5]
    untrained = reference.variants["int8_qat_untrained"].accuracy.top1
    assert series["int8_qat"].points[0].y == pytest.approx(100 * untrained.share)
    assert [point.x for point in series["int8_float_control"].points] == [2, 5]


def test_a_sweep_of_differences_has_the_paired_interval(reference: Results) -> None:
    [series] = [
        entry
        for entry in sweep([("a", reference)], Along.CALIBRATION_SIZE, Measure.DIFFERENCE)
        if entry.variant == "int8"
    ]

    comparison = reference.variants["int8"].comparison
    [point] = series.points
    assert (point.y, point.low, point.high) == (
        comparison.difference_points,
        comparison.low_points,
        comparison.high_points,
    )


def test_sweeps_of_photos_without_labels_show_agreement(reference: Results, tmp_path: Path) -> None:
    results = unlabelled(reference, tmp_path)

    series = {e.variant: e for e in sweep([("a", results)], Along.CALIBRATION_SIZE)}
    agreement = reference.variants["int8"].comparison.agreement.share
    assert series["int8"].points[0].y == pytest.approx(100 * agreement)
    assert sweep([("a", results)], Along.CALIBRATION_SIZE, Measure.DIFFERENCE) == ()
    assert baselines([("a", results)]) == ()


def test_the_chart_of_a_sweep_has_an_interval_at_every_point(reference: Results) -> None:
    runs = [("a", reference), ("b", with_calibration(reference, 20))]
    series = sweep(runs, Along.CALIBRATION_SIZE)
    figure = sweep_chart(series, Along.CALIBRATION_SIZE, Measure.QUALITY, baselines=baselines(runs))

    assert len(figure.data) == len(series)
    for trace, entry in zip(figure.data, series, strict=True):
        assert all(end > 0 for end in (*trace.error_y.array, *trace.error_y.arrayminus))
        assert len(trace.y) == len(entry.points) == 2
    assert len(figure.layout.shapes) == 1, "runs share one float32"
    assert figure.layout.xaxis.type == "log"
    assert "int8: 87.5 % at 20" in figure.layout.meta["alt"]


@pytest.mark.parametrize("quantity", list(Quantity))
def test_side_by_side_has_a_row_for_every_run_of_a_variant(reference, quantity) -> None:
    figure = side_by_side([reference, reference], quantity, threads=1)

    variants = len(reference.variants) - (quantity in (Quantity.DIFFERENCE, Quantity.SPEEDUP))
    assert len(figure.data) == 2 * variants
    assert len({trace.y[0] for trace in figure.data}) == 2 * variants
    assert figure.layout.xaxis.title.text.endswith(("%", "points", "ms", "KiB", "1 thread"))


def test_a_disturbed_timing_is_marked_wherever_it_is_set_beside_others(reference) -> None:
    busy = together(reference, {"int8": 0.4})
    for quantity in (Quantity.SPEEDUP, Quantity.LATENCY):
        alt = side_by_side([together(reference), busy], quantity, threads=1).layout.meta["alt"]
        marked = [part for part in alt.split("; ") if part.rstrip(".").endswith("*")]
        assert len(marked) == 1 and "int8 B" in marked[0]


def test_side_by_side_without_labels_has_no_difference_of_accuracy(
    reference: Results, tmp_path: Path
) -> None:
    results = unlabelled(reference, tmp_path)

    assert side_by_side([results, results], Quantity.DIFFERENCE) is None
    assert side_by_side([results, results], Quantity.QUALITY) is not None
