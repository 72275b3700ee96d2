"""Findings over real answers of the reference run, with answers changed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.charts.sweep import sweep_chart
from effq_core.measure.predictions import Predictions, top1
from effq_core.results import Results
from effq_core.sweeps.findings import findings
from effq_core.sweeps.points import Along, Measure
from effq_core.sweeps.results import sweep
from tests.results.run_variations import changed


@pytest.fixture
def variation(reference: Results, tmp_path):
    """The reference run with another size, method, seed, and so many int8 answers made wrong."""

    def made(size: int, *, method: str = "percentile", seed: int = 42, wrong: int = 0) -> Results:
        answers = reference.predictions("int8")
        right = top1(answers)
        assert right is not None
        flip = np.random.default_rng(seed).permutation(np.flatnonzero(right))[:wrong]
        probabilities = answers.probabilities.copy()
        # The least probable class of a right answer is a wrong one.
        probabilities[flip, probabilities[flip].argmin(axis=1)] = 1.1
        folder = tmp_path / f"{size}-{method}-{seed}-{wrong}"
        for name in ("float32", "int8"):
            found = reference.predictions(name)
            if name == "int8":
                found = Predictions(probabilities, answers.labels, answers.class_map, answers.keys)
            found.save(folder / "evaluate" / name)

        def change(plain) -> None:
            plain["experiment"]["calibration"].update(size=size, method=method)
            plain["experiment"]["seed"] = seed
            kept = {name: plain["variants"][name] for name in ("float32", "int8")}
            for name, values in kept.items():
                values["predictions"] = f"evaluate/{name}"
            plain["variants"] = kept
            plain["experiment"]["variants"] = list(kept)

        return Results.from_dict(changed(reference, change).plain, folder)

    return made


def series_of(*runs: Results):
    return sweep([(str(n), run) for n, run in enumerate(runs)], Along.CALIBRATION_SIZE)


def test_sizes_that_give_the_same_answers_change_nothing_and_it_says_from_where(variation) -> None:
    runs = [variation(size, wrong=wrong) for size, wrong in ((20, 120), (200, 0), (500, 0))]
    first, second = findings(series_of(*runs), Along.CALIBRATION_SIZE)

    assert first.startswith("From 200 calibration photos on, top-1 changes only as much as")
    assert "there is no difference (n = 1,966, 1 seed)" in first
    assert second.startswith("Before that it matters: int8 at 20 photos → ")
    assert "+6.1 points of top-1" in second and "p < 0.001" in second


def test_a_choice_that_matters_to_the_end_is_not_called_settled(variation) -> None:
    runs = [variation(size, wrong=wrong) for size, wrong in ((20, 0), (200, 0), (500, 100))]
    [sentence] = findings(series_of(*runs), Along.CALIBRATION_SIZE)

    assert sentence.startswith("More still matters: int8 at 200 photos → 500 photos: −5.1")


def test_the_p_that_is_told_is_the_one_corrected_for_every_comparison(variation) -> None:
    def said(wrong: int) -> tuple[str, ...]:
        runs = [variation(20, wrong=wrong), variation(200), variation(500)]
        return findings(series_of(*runs), Along.CALIBRATION_SIZE)

    # Nine flips one way: 2 / 2^9 = 0.0039, times the three comparisons.
    assert "corrected p = 0.012" in said(9)[1]
    # Six: 0.031 by themselves, 0.094 as one comparison of three.
    [sentence] = said(6)
    assert "consistent with chance" in sentence


def test_a_handful_of_flips_is_chance_and_the_interval_is_said(variation) -> None:
    runs = [variation(20, wrong=4), variation(500)]
    [sentence] = findings(series_of(*runs), Along.CALIBRATION_SIZE)

    assert sentence.startswith(
        "From 20 calibration photos on, the least tried, top-1 changes only as"
    )
    assert "the largest difference is 0.2 points (95 % interval up to 0.4 points" in sentence


def test_runs_of_several_seeds_are_one_point_with_their_spread(variation) -> None:
    runs = [variation(size, seed=seed, wrong=20 * seed) for size in (20, 500) for seed in (1, 2, 3)]
    [series] = series_of(*runs)

    assert series.label == "int8", "seeds set no lines apart"
    point = series.points[0]
    assert point.seeds == (1, 2, 3) and point.n == 1966
    assert point.least < point.y < point.most
    assert point.y == pytest.approx((point.least + point.most) / 2)
    assert point.low < point.least < point.most < point.high
    assert findings([series], Along.CALIBRATION_SIZE)[-1].startswith(
        "Another seed at the same setting moves top-1 by up to 2.0 points"
    )
    [difference] = sweep(
        [(str(n), run) for n, run in enumerate(runs)], Along.CALIBRATION_SIZE, Measure.DIFFERENCE
    )
    before = runs[0].variants["float32"].accuracy.top1
    assert difference.points[0].y == pytest.approx(point.y - 100 * before.share)
    figure = sweep_chart([series], Along.CALIBRATION_SIZE, Measure.QUALITY)
    broad = [trace for trace in figure.data if trace.error_y.thickness == 9]
    assert len(broad) == 1 and broad[0].error_y.array[0] == pytest.approx(point.most - point.y)
    assert "mean of 3 seeds" in figure.layout.meta["alt"]


def test_methods_are_compared_at_the_same_size(variation) -> None:
    same = [variation(20), variation(500), variation(20, method="min_max", wrong=3)]
    assert any(
        sentence.startswith("No two lines differ significantly")
        for sentence in findings(series_of(*same), Along.CALIBRATION_SIZE)
    )
    other = [variation(20), variation(500), variation(500, method="min_max", wrong=90)]
    found = findings(series_of(*other), Along.CALIBRATION_SIZE)
    assert any(
        s.startswith("The lines differ: at 500 photos int8: percentile 99.99 % → ") for s in found
    ), found


def test_a_single_setting_has_no_finding(variation) -> None:
    assert findings(series_of(variation(20)), Along.CALIBRATION_SIZE) == ()
