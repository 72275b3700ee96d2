"""Trainings of one small net on a few images of noisy colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from quantized_models import SILENT, V2, small_net

from effq_core.base.reporting import Reporter
from effq_core.experiment import Qat
from effq_core.quantize.finetune import FineTuning, observe_ranges, predict
from effq_core.quantize.qat_scheme import insert_fake_quant

import tf_keras as keras

N, CLASSES = 60, 4
SETTINGS = Qat(epochs=3, learning_rate=3e-3, batch_size=24, validation_share=0.2)


def colours() -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of one colour a class, in turn."""
    rng = np.random.default_rng(0)
    centres = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [160, 160, 160]])
    labels = np.arange(N) % CLASSES
    pixels = centres[labels][:, None, None] + rng.normal(0, 40, (N, 16, 16, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


IMAGES, LABELS = colours()


def student(fake_quant: bool) -> Any:
    # TF-MOT numbers one of its layers through the process; every stage starts afresh, and so here.
    keras.backend.reset_uids()
    model = small_net()
    if not fake_quant:
        return model
    fake = insert_fake_quant(model, V2)
    observe_ranges(fake, IMAGES, SILENT)
    return fake


def teacher_answers() -> np.ndarray:
    return np.asarray(predict(small_net(seed=1), IMAGES, SILENT))


def training(
    folder: Path,
    *,
    fake_quant: bool = False,
    targets: np.ndarray = LABELS,
    settings: Qat = SETTINGS,
    reporter: Reporter = SILENT,
    seed: int = 5,
) -> FineTuning:
    return FineTuning(
        student(fake_quant),
        images=IMAGES,
        targets=targets,
        truth=LABELS if targets.ndim == 1 else targets.argmax(axis=1),
        settings=settings,
        seed=seed,
        folder=folder,
        reporter=reporter,
    )
