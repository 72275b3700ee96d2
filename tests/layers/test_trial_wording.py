"""What trials and suggestions say, numbers and all."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.base.intervals import proportion
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.layers.trial_record import TrialRecord
from effq_core.layers.trial_wording import broken_limits, describe, is_too_costly, recovered

LIMITS = Mixed(max_drop_points=0.2, max_extra_size=15.0, max_latency_ratio=1.2)


def trial(*keep: str, **values: Any) -> TrialRecord:
    plain: dict[str, Any] = {
        "precision": Precision.FLOAT16,
        "size_bytes": 1000,
        "extra_size": 4.0,
        "n": 1966,
        "top1": proportion(1732, 1966),
        "drop_points": 0.1,
        "agreement": proportion(1950, 1966),
        "kl": 0.01,
        "latency_ms": 5.5,
        "int8_ms": 5.0,
        "float32_ms": 12.0,
        "busy": False,
        "ok": True,
        "why": "",
    }
    return TrialRecord(keep=keep, **{**plain, **values})


INT8 = trial(drop_points=1.32, extra_size=0.0, ok=False, why="it loses 1.32 points")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ""),
        ({"drop_points": 0.41}, "it loses 0.41 points where 0.20 points are"),
        ({"extra_size": 17.2}, "it is 17.2 % larger where 15.0 % is"),
        ({"latency_ms": 7.0}, "it takes 1.40× int8's time where 1.20× is"),
    ],
)
def test_a_broken_limit_is_named_with_both_numbers(values: dict[str, float], said: str) -> None:
    assert broken_limits(trial("head", **values), LIMITS, labelled=True) == said


def test_a_disturbed_time_decides_nothing() -> None:
    slow = {"latency_ms": 7.0, "busy": True}
    said = broken_limits(trial("head", **slow), LIMITS, labelled=True)
    assert said == "its time against int8's was disturbed, so that limit cannot be judged"
    assert not is_too_costly(trial("head", **slow), LIMITS)
    assert is_too_costly(trial("head", latency_ms=7.0), LIMITS)


def test_without_labels_photos_that_differ_are_told() -> None:
    said = broken_limits(trial("head", drop_points=3.0), LIMITS, labelled=False)
    assert said == "it disagrees on 3.00 % of the photos where 0.20 % are"


def test_int8_itself_is_never_too_large_or_too_slow() -> None:
    slow = {"latency_ms": 99.0, "extra_size": 99.0}
    assert not is_too_costly(trial(**slow), LIMITS)
    assert is_too_costly(trial("head", **slow), LIMITS)


@pytest.mark.parametrize(
    ("extra", "said"), [(4.1, "4.1 % larger than int8's"), (-2.54, "2.5 % smaller than int8's")]
)
def test_a_choice_says_what_it_gives_and_that_these_photos_chose_it(
    extra: float, said: str
) -> None:
    choice = trial("residuals", "depthwise", drop_points=0.0, extra_size=extra)
    text = describe((INT8, choice), choice, labelled=True, complete=True, limits=LIMITS)
    assert "residuals, depthwise" in text and said in text
    assert "where int8 loses 1.32 points (100 % of it recovered)" in text
    assert "chosen among 2 files by these very 1,966 evaluation photos" in text


def test_what_could_not_be_held_is_said_first() -> None:
    choice = trial("head", drop_points=0.6, ok=False, why="it loses 0.60 points where 0.20 are")
    text = describe((INT8, choice), choice, labelled=True, complete=False, limits=LIMITS)
    assert text.startswith("None of 2 files that were measured holds every limit, and time ran out")
    assert "The best of them: it loses 0.60 points" in text
    nothing = describe((INT8,), INT8, labelled=True, complete=True, limits=LIMITS)
    assert "Nothing is kept" in nothing and "1.32 points" in nothing


def test_the_share_recovered_needs_something_to_recover() -> None:
    assert recovered(INT8, trial("head", drop_points=0.33)) == pytest.approx(0.75)
    assert recovered(trial(drop_points=0.0), trial("head")) is None


def test_a_loss_that_chance_would_do_is_never_called_recovered() -> None:
    small = trial(drop_points=0.3, p=0.21)
    assert recovered(small, trial("head", drop_points=0.0)) is None
    assert recovered(trial(drop_points=0.3, p=0.04), trial("head", drop_points=0.0)) == 1.0
