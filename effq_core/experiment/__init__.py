"""The frozen choice of everything a run depends on, and the vocabulary it is made of."""

from effq_core.experiment.calibration import CALIBRATION_SIZES, Calibration
from effq_core.experiment.experiment import REFERENCE, Experiment
from effq_core.experiment.qat import Qat, QatLoss

__all__ = ["CALIBRATION_SIZES", "REFERENCE", "Calibration", "Experiment", "Qat", "QatLoss"]
