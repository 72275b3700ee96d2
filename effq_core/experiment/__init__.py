"""The frozen choice of everything a run depends on, and the vocabulary it is made of."""

from effq_core.experiment.experiment import (
    CALIBRATION_SIZES,
    LOSSES,
    METHODS,
    REFERENCE,
    Calibration,
    CalibrationMethod,
    Experiment,
    Qat,
    QatLoss,
)

__all__ = [
    "CALIBRATION_SIZES",
    "LOSSES",
    "METHODS",
    "REFERENCE",
    "Calibration",
    "CalibrationMethod",
    "Experiment",
    "Qat",
    "QatLoss",
]
