"""Experiments worth starting from."""

from __future__ import annotations

from effq_core.experiment import Calibration, CalibrationMethod, Experiment, Qat
from effq_core.variants import CONTROLS, STANDARD


def demo() -> Experiment:
    """Returns the built-in experiment: bundled model, built-in photos, a few minutes."""
    return Experiment(
        calibration=Calibration(size=100),
        qat=Qat(epochs=2),
        training_size=600,
        evaluation_size=600,
    )


def paper(model: str = "efficientnetv2_b0_imagenet", dataset: str = "imagenette") -> Experiment:
    """Returns the paper's settings: 500 min-max calibration images, 5 epochs of Adam at 1e-5.

    Args:
        model: The paper's is EfficientNetV2-B0 on ImageNet-1k.
        dataset: The paper's is ImageNet-Mini; give ``folder:/path`` to use it.

    Returns:
        The experiment, with both controls the paper lacks.
    """
    return Experiment(
        model=model,
        dataset=dataset,
        variants=STANDARD + CONTROLS,
        calibration=Calibration(size=500, method=CalibrationMethod.MIN_MAX),
        qat=Qat(epochs=5, learning_rate=1e-5, batch_size=32),
    )


def thorough(
    model: str = "efficientnetv2_b0_imagenette", dataset: str = "imagenette"
) -> Experiment:
    """Returns every variant and control on all photos of a dataset."""
    return Experiment(model=model, dataset=dataset, variants=STANDARD + CONTROLS)


PRESETS = {"demo": demo, "paper": paper, "thorough": thorough}
