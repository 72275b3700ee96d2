"""The gate that a runtime's fast kernels compute what its plain ones do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError, StageError
from effq_core.base.intervals import CONFIDENCE, exact_bounds
from effq_core.base.reporting import Reporter
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.model import Floats, Model, ModelPool
from effq_core.runtimes.registry import runtime_of
from effq_core.runtimes.session import Kernels

NAME = "xnnpack_vs_reference"
KERNELS_FILE = "kernels.json"  # the gate, as the stage ``inspect`` writes it
LEAST_IMAGES, MOST_IMAGES = 8, 40
MULTIPLICATIONS = 16e9  # of plain kernels in all; no time: machines use the same images
MOST_DIFFERENCE = 1 / 3  # of kernels, relative to that of images; sound files: below 0.25
MOST_FLIPS = 0.01  # share of images that may get another answer, for certain
_ROUNDING_QUANTILE, _ROUNDING_FACTOR = 0.9, 3.0
_ROUNDING_STEPS = 2
_FLOAT_ROUNDING = 1e-5  # rounding of float outputs, relative to the largest


def kernels_gate(
    path: Path | str,
    images: npt.NDArray[np.uint8],
    *,
    workers: int | None = None,
    reporter: Reporter | None = None,
) -> Gate:
    """Checks the kernels a file usually runs on against its runtime's reference kernels.

    Takes raw RGB uint8 (n, size, size, 3), in random order, and runs the first :func:`affordable`
    ones. Raises ModelError if file or images cannot be used, StageError without an image.
    """
    model = Model(path)
    try:
        reference = ModelPool(path, workers=workers, kernels=Kernels.REFERENCE)
    except ModelError:  # the file itself is sound: it has just been loaded
        facts = {"n": 0, "runtime": runtime_of(model.path).title}
        return judged(NAME, passed=True, value=0, limit=MOST_DIFFERENCE, n=0, facts=facts)
    images = np.asarray(images[: affordable(model.session.multiplications())])
    fast = ModelPool(path, workers=workers).predict_many(images, reporter)
    return judge(fast, reference.predict_many(images, reporter), model.output_step)


def affordable(multiplications: float) -> int:
    """Returns how many images both kernels run, given the multiplications of one."""
    found = MULTIPLICATIONS / max(multiplications, 1)
    return int(min(MOST_IMAGES, max(LEAST_IMAGES, found)))


@dataclass(frozen=True)
class _Comparison:
    difference: float  # root mean square difference, relative to that between images
    is_rounding: bool  # whether it is no more than rounding the outputs gives, or small enough
    largest: float  # largest difference of one output
    flips: int  # images with another top-1 class
    real: int  # those of them that rounding does not explain


def judge(fast: Floats, plain: Floats, step: float | None) -> Gate:
    """Judges the outputs of two kernels to the same images, float (n, classes).

    ``step`` lies between values of an integer output. Fails above :data:`MOST_DIFFERENCE`, where an
    output is no number, or where surely (95 %) more than :data:`MOST_FLIPS` of the images get
    another answer than by rounding.
    """
    if fast.shape != plain.shape or fast.ndim != 2 or not len(fast):
        raise StageError(f"Outputs of shapes {fast.shape} and {plain.shape} cannot be compared.")
    n = len(fast)
    lost = int((~(np.isfinite(fast) & np.isfinite(plain))).any(axis=1).sum())
    if lost:
        return judged(
            NAME, passed=False, value=1, limit=MOST_DIFFERENCE, n=n, facts={"n": n, "lost": lost}
        )
    found = _compare(fast.astype(np.float64), plain.astype(np.float64), step)
    least, most = exact_bounds(found.real, n)
    steps = None if step is None else round(found.largest / step)
    passed, value = found.is_rounding and least <= MOST_FLIPS, found.difference
    facts = {"n": n, "difference": value, "largest": found.largest, "steps": steps}
    facts |= {"flips": found.flips, "real": found.real, "most": most}
    return judged(NAME, passed=passed, value=value, limit=MOST_DIFFERENCE, n=n, facts=facts)


def _compare(
    fast: npt.NDArray[np.float64], plain: npt.NDArray[np.float64], step: float | None
) -> _Comparison:
    rounding = step or _FLOAT_ROUNDING * float(np.abs(plain).max())
    apart = np.abs(fast - plain)
    difference = _rms(apart)
    # Between images, not classes: kernels that give only the biases would else look alike.
    spread = _rms(plain - (plain.mean(axis=0) if len(plain) > 1 else plain.mean()))
    flipped = fast.argmax(axis=1) != plain.argmax(axis=1)
    # What rounding does is seen where it changed no answer: a fault must not excuse itself.
    usual = apart.max(axis=1)[~flipped]
    noise = _ROUNDING_FACTOR * float(np.quantile(usual, _ROUNDING_QUANTILE)) if len(usual) else 0.0
    explained = max(_ROUNDING_STEPS * rounding, noise)
    return _Comparison(
        difference=difference / spread if spread else float(difference > 0),
        is_rounding=difference <= max(MOST_DIFFERENCE * spread, rounding),
        largest=float(apart.max()),
        flips=int(flipped.sum()),
        real=int((flipped & (_margins(fast) > explained)).sum()),
    )


def _check(evidence: Evidence) -> Gate:
    return Gate.from_dict(evidence.read(f"inspect:{evidence.variant.name}", KERNELS_FILE))


def _sentence(
    n: int,
    runtime: str = "",
    lost: int = 0,
    difference: float = 0,
    largest: float = 0,
    steps: int | None = None,
    flips: int = 0,
    real: int = 0,
    most: float = 0,
) -> str:
    if runtime:
        return f"Not compared: {runtime} has no plain kernel for one of this model's operators."
    if lost:
        return f"{lost} of {n} photos get outputs that are infinite or not a number."
    apart = f"{largest:.3g}" if steps is None else fmt.counted(steps, "step")
    return (
        f"Outputs differ by {100 * difference:.3g} % of the spread between photos; the limit is "
        f"{100 * MOST_DIFFERENCE:.0f} %. Largest difference: {apart}. "
        f"{flips} of {n} photos get another top-1 class, {real} of them beyond rounding. "
        f"With {100 * CONFIDENCE:g} % confidence, that share is below {100 * most:.3g} %."
    )


GATES.register(
    Rule(
        name=NAME,
        title="Fast and plain kernels agree",
        purpose="LiteRT's fast CPU kernels are set against its slow, plain ones. A fault in the "
        "fast ones would otherwise be mistaken for a quantization loss. Rounding is no fault.",
        sentence=_sentence,
        of_file=_check,
    )
)


def _rms(values: npt.NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _margins(outputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns how far the first class is ahead of the second; of one class, zeros."""
    ordered = np.sort(outputs, axis=1)
    margins: npt.NDArray[np.float64] = ordered[:, -1] - ordered[:, -min(2, ordered.shape[1])]
    return margins
