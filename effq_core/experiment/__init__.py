"""The frozen choice of everything a run depends on, and the vocabulary it is made of."""

from effq_core.experiment.experiment import (
    BATCH_SIZES,
    BENCHMARK_INVOCATIONS,
    CALIBRATION_SIZES,
    EPOCHS,
    IMAGE_SIZES,
    LEARNING_RATES,
    PERCENTILES,
    REFERENCE,
    SAMPLE_SIZES,
    SITTINGS,
    THREADS,
    Calibration,
    Experiment,
    Qat,
    QatLoss,
)

__all__ = [
    "BATCH_SIZES",
    "BENCHMARK_INVOCATIONS",
    "CALIBRATION_SIZES",
    "EPOCHS",
    "IMAGE_SIZES",
    "LEARNING_RATES",
    "PERCENTILES",
    "REFERENCE",
    "SAMPLE_SIZES",
    "SITTINGS",
    "THREADS",
    "Calibration",
    "Experiment",
    "Qat",
    "QatLoss",
]
