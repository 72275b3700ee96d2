"""The gate on agreement with float32 fails mix-ups, and never a loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from effq_core.base.errors import StageError
from effq_core.base.intervals import DOUBT
from effq_core.measure.gates import Gate
from effq_core.measure.gates.agreement_with_float32 import float32_gate, least_plausible
from effq_core.measure.predictions import Predictions


def predictions(answers: np.ndarray, labels: np.ndarray | None, classes: int) -> Predictions:
    hot = np.eye(classes, dtype=np.float32)[answers]
    return Predictions(hot, labels, None, [str(i) for i in range(len(answers))])


def judged(float32: np.ndarray, file: np.ndarray, truth: np.ndarray | None, classes: int) -> Gate:
    names = [f"class {i}" for i in range(classes)]
    return float32_gate(
        predictions(float32, truth, classes), predictions(file, truth, classes), names
    )


def order(gate: Gate) -> object:
    assert gate.facts is not None
    return gate.facts["order"]


def right(truth: np.ndarray, share: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(truth)) < share, truth, rng.integers(0, classes, len(truth)))


@pytest.mark.parametrize("labelled", [True, False])
def test_outputs_in_another_order_fail_and_are_named(labelled: bool) -> None:
    """The case that passed all gates: 1.4 % top-1, 0 % agreement."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 10, 800)
    float32 = right(truth, 0.87, 10, rng)
    file = (float32 + 1) % 10
    assert (file == truth).mean() < 0.02
    gate = judged(float32, file, truth if labelled else None, 10)
    assert not gate.passed and gate.value == 0 < gate.limit
    assert order(gate) == {"after": 800, "n": 800, "rule": "before"}
    assert Gate.from_dict(gate.to_dict()) == gate


def test_right_answers_where_float32_is_wrong_fail_without_any_order_to_name() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 10, 800)
    float32 = right(truth, 0.87, 10, rng)
    others = (float32 + rng.integers(1, 10, 800)) % 10  # never float32's answer
    gate = judged(float32, np.where(float32 == truth, others, truth), truth, 10)
    assert not gate.passed and not order(gate)


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("lost", [0.0, 0.03, 0.3, 0.7, 1.0])
def test_a_loss_passes_however_large(classes: int, lost: float) -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, classes, 1500)
    for accuracy in (0.05, 0.4, 0.9):
        float32 = right(truth, accuracy, classes, rng)
        noise = rng.integers(0, classes, 1500)
        for other in (noise, np.zeros_like(truth)):
            file = np.where(rng.random(1500) < lost, other, float32)
            gate = judged(float32, file, truth, classes)
            assert gate.passed, (accuracy, gate.detail)


def test_a_file_that_always_answers_float32s_worst_class_is_bad_and_no_stranger() -> None:
    rng = np.random.default_rng(9)
    truth = np.arange(1000) % 10
    float32 = np.where((truth == 3) & (rng.random(1000) < 0.9), 4, truth)
    gate = judged(float32, np.full(1000, 3), truth, 10)
    assert gate.passed, gate.detail  # over all classes, fewer are right in both than by chance


def test_without_labels_answers_that_have_nothing_to_do_with_float32s_fail() -> None:
    rng = np.random.default_rng(8)
    float32 = rng.integers(0, 10, 500)
    unrelated = judged(float32, rng.integers(0, 10, 500), None, 10)
    assert not unrelated.passed and not order(unrelated)
    assert not judged(float32, np.zeros(500, np.int64), None, 10).passed
    half = np.where(rng.random(500) < 0.5, float32, 0)
    assert judged(float32, half, None, 10).passed
    # A model that nearly always says the same agrees by chance; that is no fault of the file.
    rare = (rng.random(500) < 0.02).astype(np.int64)
    assert judged(rare, np.zeros(500, np.int64), None, 2).passed


def test_the_gate_needs_the_same_images() -> None:
    few, more = np.zeros(2, np.int64), np.zeros(3, np.int64)
    with pytest.raises(StageError, match="agreement_with_float32"):
        float32_gate(predictions(few, None, 2), predictions(more, None, 2), ["a", "b"])


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0.001, 0.999))
def test_fewer_hits_than_plausible_are_as_rare_as_promised(draws: int, share: float) -> None:
    least = least_plausible(draws, share)
    assert 0 <= least <= draws
    assert binom.cdf(least - 1, draws, share) <= DOUBT


@settings(deadline=None)
@given(st.data())
def test_an_unrelated_file_fails_no_more_often_than_promised(data: st.DataObject) -> None:
    """Exactly, over every way its right answers can fall: hypergeometric in each class."""
    exactly, truth, float32, file = np.array([1.0]), [], [], []
    for label in range(data.draw(st.integers(1, 5))):
        n = data.draw(st.integers(1, 80))
        a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
        exactly = np.convolve(exactly, hypergeom(n, a, b).pmf(np.arange(n + 1)))
        truth += [label] * n
        float32 += [label] * a + [5] * (n - a)  # wrong answers never agree: the least favourable
        file += [label] * b + [6] * (n - b)
    gate = judged(*(np.array(each) for each in (float32, file, truth)), 7)
    least = round(gate.limit * gate.n)
    assert exactly[:least].sum() <= DOUBT * (1 + 1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=13))
def test_of_thirteen_photos_none_says_that_outputs_are_re_ordered(
    pairs: list[tuple[int, int]],
) -> None:
    float32, file = (np.array(side) for side in zip(*pairs, strict=True))
    assert not order(judged(float32, file, None, 3))
    assert judged(float32, float32, None, 3).passed


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=300))
def test_a_file_that_only_loses_right_answers_passes(pairs: list[tuple[int, int]]) -> None:
    truth, float32 = (np.array(side) for side in zip(*pairs, strict=True))
    file = np.where(np.arange(len(truth)) % 3 == 0, 4, float32)
    assert judged(float32, file, truth, 5).passed
    assert judged(float32, np.full(len(truth), 2), truth, 5).passed
