"""How close answers are to float32's. Imports no TensorFlow."""

from dataclasses import asdict
from typing import Any

from effq_core.base.errors import StageError
from effq_core.base.intervals import proportion
from effq_core.measure.predictions import Floats
from effq_core.measure.statistics import clip_epsilon, mean_kl


def closeness(float32: Floats, other: Floats) -> dict[str, Any]:
    """Compares answers, float32 ``(n, classes)``: mean divergence ``kl`` in nats, ``agreement``."""
    if not len(float32):
        raise StageError("There is no photo to measure effects on.", "Calibrate with some.")
    same = int((float32.argmax(axis=1) == other.argmax(axis=1)).sum())
    return {
        "kl": mean_kl(float32, other, clip_epsilon(float32.shape[1])),
        "agreement": asdict(proportion(same, len(float32))),
    }
