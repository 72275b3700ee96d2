from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from effq_core.base.errors import Cancelled, StageError
from effq_core.base.intervals import exact_bounds
from effq_core.base.reporting import SilentReporter
from effq_core.measure.gates import Gate
from effq_core.measure.gates.xnnpack_vs_reference import (
    LEAST_IMAGES,
    MOST_FLIPS,
    MOST_IMAGES,
    affordable,
    judge,
    kernels_gate,
)
from effq_core.runtimes.registry import open_session

CLASSES, STEP = 10, 1 / 256


def probabilities(n: int, sure: float = 4.0, seed: int = 0) -> np.ndarray:
    """What a classifier says of n photos, a few of them uncertain, in steps of an int8 output."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (n, CLASSES)) + sure * np.eye(CLASSES)[rng.integers(0, CLASSES, n)]
    exp = np.exp(logits)
    return np.rint(exp / exp.sum(axis=1, keepdims=True) / STEP).astype(np.float32) * STEP


def uncertain(plain: np.ndarray, flips: int, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Two kernels' answers, of which the first ones have changed places of their two best."""
    fast, plain = plain.copy(), plain.copy()
    for row in range(flips):
        fast[row, :] = plain[row, :] = 0
        fast[row, :2] = (128 + margin) * STEP, 128 * STEP
        plain[row, :2] = 128 * STEP, (128 + margin) * STEP
    return fast, plain


@pytest.mark.parametrize("name", ["float32", "dynamic_range", "int8", "uint8"])
def test_sound_files_pass(models: dict[str, Path], images: np.ndarray, name: str) -> None:
    gate = kernels_gate(models[name], images)
    assert gate.passed
    assert (gate.name, gate.n) == ("xnnpack_vs_reference", len(images))
    assert gate.facts is not None
    assert (gate.facts["steps"] is not None) == (name in ("int8", "uint8"))
    assert Gate.from_dict(gate.to_dict()) == gate


@pytest.mark.parametrize("seed", range(20))
def test_one_uncertain_photo_of_eight_is_no_fault(seed: int) -> None:
    # As on an AMD EPYC: 7 of 8 equal, outputs at most 20 steps apart.
    fast, plain = uncertain(probabilities(8, seed=seed), 1, margin=20)
    gate = judge(fast, plain, STEP)
    assert gate.passed
    assert gate.facts is not None
    assert (gate.facts["flips"], gate.facts["steps"]) == (1, 20)
    assert gate.facts["most"] == pytest.approx(0.471, abs=1e-3)


def test_flips_within_the_usual_difference_do_not_count() -> None:
    rng = np.random.default_rng(0)
    fast, plain = uncertain(probabilities(32), 8, margin=20)
    fast[8:] += np.float32(STEP) * rng.integers(-12, 13, fast[8:].shape)
    assert np.array_equal(fast[8:].argmax(axis=1), plain[8:].argmax(axis=1))
    gate = judge(fast, plain, STEP)
    assert gate.passed
    assert gate.facts is not None and (gate.facts["flips"], gate.facts["real"]) == (8, 0)
    # The same flips where the kernels are otherwise equal are a fault of theirs.
    fast[8:] = plain[8:]
    assert not judge(fast, plain, STEP).passed


def test_two_sure_flips_fail_also_where_all_else_is_equal() -> None:
    fast, plain = uncertain(probabilities(64), 3, margin=80)
    gate = judge(fast, plain, STEP)
    assert gate.value < gate.limit  # the differences alone would not tell
    assert not gate.passed
    assert gate.facts is not None and gate.facts["real"] == 3
    fast, plain = uncertain(probabilities(64), 1, margin=80)
    assert judge(fast, plain, STEP).passed


BROKEN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "permuted": lambda plain: np.roll(plain, 1, axis=1),
    "equal": lambda plain: np.full_like(plain, 0.1),
    "always the first photo's": lambda plain: np.repeat(plain[:1], len(plain), axis=0),
    "zero": np.zeros_like,
    "another photo's": lambda plain: np.roll(plain, 1, axis=0),
    "noise": lambda plain: probabilities(len(plain), seed=99),
    "not a number": lambda plain: np.full_like(plain, np.nan),
    "infinite": lambda plain: plain + np.float32(np.inf),
}


@pytest.mark.parametrize("n", [8, 64])
@pytest.mark.parametrize("broken", BROKEN)
def test_wrong_outputs_fail(broken: str, n: int) -> None:
    plain = probabilities(n)
    wrong = BROKEN[broken](plain)
    assert judge(plain, plain, STEP).passed
    assert not judge(wrong, plain, STEP).passed
    assert not judge(wrong, plain, None).passed
    assert not judge(plain, wrong, STEP).passed


def test_a_fault_of_some_photos_is_found_among_many() -> None:
    plain = probabilities(MOST_IMAGES)
    assert not judge(plain[:, [1, 0, *range(2, CLASSES)]], plain, STEP).passed
    fast = plain.copy()
    fast[::8] = np.roll(fast[::8], 1, axis=1)
    assert not judge(fast, plain, STEP).passed


@pytest.mark.parametrize("broken", sorted(BROKEN))
def test_wrong_kernels_of_a_real_file_fail(
    models: dict[str, Path], images: np.ndarray, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from effq_core.measure.gates import xnnpack_vs_reference as module

    class Wrong(module.ModelPool):
        def predict_many(self, *arguments: object) -> np.ndarray:
            found = super().predict_many(*arguments)  # type: ignore[arg-type]
            return BROKEN[broken](found) if self is pools[-1] else found

        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[arg-type]
            pools.append(self)

    pools: list[Wrong] = []
    monkeypatch.setattr(module, "ModelPool", Wrong)
    gate = kernels_gate(models["float32"], images)
    assert len(pools) == 2  # the plain kernels, then the fast ones
    assert not gate.passed


def test_a_model_that_says_little_is_not_held_against_its_kernels() -> None:
    # Untrained: every class about a tenth. A step of rounding is as much as photos differ by.
    rng = np.random.default_rng(0)
    plain = np.float32(STEP) * rng.integers(25, 27, (8, CLASSES))
    fast = np.float32(STEP) * rng.integers(25, 27, (8, CLASSES))
    assert judge(fast, plain, STEP).passed
    one = np.full((8, 1), 0.5, np.float32)
    assert judge(one, one, None).passed


def test_a_single_photo_can_be_judged() -> None:
    plain = probabilities(1)
    fast = plain.copy()
    fast[0, plain.argmax()] -= np.float32(3 * STEP)
    assert judge(fast, plain, STEP).passed
    assert not judge(np.roll(plain, 1, axis=1), plain, STEP).passed


def test_outputs_must_be_of_the_same_photos() -> None:
    with pytest.raises(StageError, match="cannot be compared"):
        judge(np.zeros((2, 3), np.float32), np.zeros((3, 3), np.float32), None)
    with pytest.raises(StageError, match="cannot be compared"):
        judge(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), None)


def test_the_number_of_photos_depends_on_the_file_alone(models: dict[str, Path]) -> None:
    # 3×3×3×16 at 32×32, 3×3×16×32 at 16×16, 3×3×32×64 at 8×8, and 64×10.
    expected = 432 * 1024 + 4608 * 256 + 18432 * 64 + 640
    for path in models.values():
        assert open_session(path).multiplications() == expected
    assert affordable(0) == affordable(expected) == MOST_IMAGES
    assert affordable(717e6) == 22  # EfficientNetV2-B0 at 224 pixels
    assert affordable(1e12) == LEAST_IMAGES


def test_no_more_photos_are_run_than_can_be_afforded(
    models: dict[str, Path], images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effq_core.measure.gates.xnnpack_vs_reference.MULTIPLICATIONS", 1.0)
    assert kernels_gate(models["int8"], images).n == LEAST_IMAGES


def test_it_can_be_cancelled(models: dict[str, Path], images: np.ndarray) -> None:
    class Stop(SilentReporter):
        def check_cancelled(self) -> None:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        kernels_gate(models["int8"], images[:2], reporter=Stop())


@pytest.mark.parametrize(("k", "n"), [(0, 8), (1, 8), (2, 8), (3, 64), (8, 8)])
def test_the_bounds_are_exact(k: int, n: int) -> None:
    low, high = exact_bounds(k, n)
    if k:
        assert scipy.stats.binom.sf(k - 1, n, low) == pytest.approx(0.05)
    else:
        assert low == 0
    if k < n:
        assert scipy.stats.binom.cdf(k, n, high) == pytest.approx(0.05)
    else:
        assert high == 1


def test_a_share_is_certain_only_from_the_second_flip_on() -> None:
    assert exact_bounds(1, LEAST_IMAGES)[0] < MOST_FLIPS < exact_bounds(2, LEAST_IMAGES)[0]
    assert exact_bounds(2, MOST_IMAGES)[0] < MOST_FLIPS < exact_bounds(3, MOST_IMAGES)[0]
