from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import StageError, StoreError
from effq_core.measure.accuracy import AccuracyReport, calibration_bins, score
from effq_core.measure.predictions import Predictions, top1, top5


def of(rows: list[list[float]], labels: list[int] | None, class_map: list[int] | None = None):
    return Predictions(
        np.array(rows, np.float32),
        None if labels is None else np.array(labels),
        None if class_map is None else np.array(class_map),
        [f"image-{i}" for i in range(len(rows))],
    )


def hot(index: int, classes: int = 8) -> list[float]:
    return [0.93 if i == index else 0.01 for i in range(classes)]


def test_accuracy_confusion_and_classes_are_counted() -> None:
    predictions = of([hot(0), hot(1), hot(1), hot(2)], [0, 0, 1, 2])
    report = score(predictions)
    assert report.n == 4
    assert report.top1 is not None
    assert report.top5 is not None
    assert (report.top1.k, report.top1.share) == (3, 0.75)
    assert report.top5.k == 3  # seven classes tie behind the wrong answer: no place among five
    assert [(c.label, c.n, c.top1.k) for c in report.per_class] == [(0, 2, 1), (1, 1, 1), (2, 1, 1)]
    assert report.confusion == ((0, 0, 1), (0, 1, 1), (1, 1, 1), (2, 2, 1))
    matrix = report.confusion_matrix()
    assert matrix.shape == (8, 9)
    assert matrix.sum() == 4
    assert report.calibration_error == pytest.approx(abs(0.75 - 0.93), abs=1e-6)
    assert AccuracyReport.from_dict(report.to_dict()) == report


def test_a_subset_of_classes_is_scored_against_the_whole_head() -> None:
    # The dataset's classes 0, 1 are the model's 6, 3; the third image is taken for model class 5.
    report = score(of([hot(6), hot(3), hot(5)], [0, 1, 1], class_map=[6, 3]))
    assert report.top1 is not None
    assert report.top1.k == 2
    assert report.dataset_classes == 2
    assert report.confusion_matrix().tolist() == [[1, 0, 0], [0, 1, 1]]


def test_an_undecided_output_is_right_for_its_first_class_only() -> None:
    flat = of([[0.125] * 8] * 3, [0, 4, 5])
    assert top1(flat).tolist() == [True, False, False]
    assert top5(flat).tolist() == [True, False, False]


def test_a_class_an_integer_output_gives_zero_is_not_among_its_five() -> None:
    zeros = [0.0] * 8
    row = [*zeros[:6], 0.75, 0.25]
    assert top5(of([row, row, row], [0, 6, 7])).tolist() == [False, True, True]


def test_five_classes_without_ties_are_the_five() -> None:
    row = [0.05, 0.3, 0.25, 0.2, 0.1, 0.06, 0.03, 0.01]
    assert top5(of([row] * 8, list(range(8)))).tolist() == [False, *[True] * 5, False, False]


def test_top5_of_five_classes_says_nothing() -> None:
    report = score(of([hot(0, 5)], [0]))
    assert report.top5 is None
    assert AccuracyReport.from_dict(report.to_dict()) == report


def test_without_labels_only_the_count_is_known() -> None:
    report = score(of([hot(0)], None))
    assert (report.n, report.top1, report.top5, report.calibration_error) == (1, None, None, None)
    assert report.per_class == report.bins == report.confusion == ()
    assert AccuracyReport.from_dict(report.to_dict()) == report


def test_calibration_bins_are_open_below_and_closed_above() -> None:
    confidence = np.array([1 / 15, 1 / 15 + 1e-6, 1.0, 0.0])
    bins = calibration_bins(confidence, np.array([True, False, True, False]))
    assert [(round(b.low * 15), b.n) for b in bins] == [(0, 2), (1, 1), (14, 1)]
    assert (bins[0].accuracy, bins[2].accuracy) == (0.5, 1.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(6, 12))
def test_invariants_of_a_report(seed: int, n: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(classes), n)
    predictions = of(rows.tolist(), rng.integers(0, classes, n).tolist())
    report = score(predictions)
    assert report.top1 is not None
    assert report.top5 is not None
    assert report.top1.k <= report.top5.k <= n
    assert sum(c.n for c in report.per_class) == report.confusion_matrix().sum() == n
    assert sum(c.top1.k for c in report.per_class) == report.top1.k
    assert np.trace(report.confusion_matrix()[:, :classes]) == report.top1.k
    assert report.calibration_error is not None
    assert 0 <= report.calibration_error <= 1


@pytest.mark.parametrize("class_map", [None, [6, 3]])
@pytest.mark.parametrize("labels", [None, [0, 1, 1]])
def test_predictions_are_stored_bit_by_bit(
    tmp_path: Path, labels: list[int] | None, class_map: list[int] | None
) -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(8), 3)
    rows[0, :2] = [0.1, np.nextafter(np.float32(0.1), np.float32(1))]
    saved = of(rows.tolist(), labels, class_map)
    saved.save(tmp_path / "new")
    loaded = Predictions.load(tmp_path / "new")
    np.testing.assert_array_equal(loaded.probabilities, saved.probabilities)
    assert loaded.probabilities.dtype == np.float32
    assert loaded.keys == saved.keys
    for name in ("labels", "class_map"):
        a, b = getattr(loaded, name), getattr(saved, name)
        assert (a is None and b is None) or a.tolist() == b.tolist()


def test_missing_or_damaged_predictions_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"predictions\.npz"):
        Predictions.load(tmp_path)
    path = of([hot(0)], [0]).save(tmp_path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"predictions\.npz"):
            Predictions.load(tmp_path)


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StageError):
        Predictions(np.zeros((2, 3), np.float32), None, None, ["one"])
    with pytest.raises(StageError, match="Labels"):
        of([hot(0)], [8])
    with pytest.raises(StageError, match="Labels"):
        of([hot(0)], [2], class_map=[6, 3])
    with pytest.raises(StageError, match="no evaluation image"):
        score(Predictions(np.empty((0, 3), np.float32), None, None, []))
