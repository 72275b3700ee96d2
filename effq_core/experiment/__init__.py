"""The frozen choice of everything a run depends on, and the vocabulary it is made of."""

from effq_core.experiment.calibration import (
    CALIBRATION_SIZES,
    METHODS,
    Calibration,
    CalibrationMethod,
)
from effq_core.experiment.experiment import REFERENCE, Experiment
from effq_core.experiment.qat import LOSSES, Qat, QatLoss

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
