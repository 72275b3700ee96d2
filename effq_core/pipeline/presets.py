"""Experiments worth starting from."""

from dataclasses import dataclass

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.variants import controls, standard
from effq_core.models.catalogue import MODELS
from effq_core.photos import imagenette, photo_patches

PAPER_MODEL = "efficientnetv2_b0_imagenet"
BUNDLED_MODEL = "efficientnetv2_b0_imagenette"


def demo() -> Experiment:
    """Returns the built-in experiment: bundled model, built-in photos, a few minutes."""
    return Experiment(
        calibration=Calibration(size=100), qat=Qat(epochs=2), training_size=600, evaluation_size=600
    )


def paper(model: str = PAPER_MODEL, dataset: str = "imagenette") -> Experiment:
    """Returns the paper's settings, and the controls it lacks; use ImageNet-Mini as a folder."""
    return Experiment(
        model=model,
        dataset=dataset,
        variants=standard() + controls(),
        calibration=Calibration(size=500, method="min_max"),
        qat=Qat(epochs=5, learning_rate=1e-5, batch_size=32),
    )


def thorough(model: str = BUNDLED_MODEL, dataset: str = "imagenette") -> Experiment:
    """Returns every variant and control on all photos of a dataset."""
    return Experiment(model=model, dataset=dataset, variants=standard() + controls())


def extreme(model: str = BUNDLED_MODEL, dataset: str = "imagenette") -> Experiment:
    """Returns what 8, 4 and 2 bits lose, and what rounding and training give back."""
    few = ("int8", "int4_nearest", "int4", "int4_qat", "fitted")
    return Experiment(model=model, dataset=dataset, variants=few, qat=Qat(epochs=2))


PRESETS = {"demo": demo, "paper": paper, "thorough": thorough, "extreme": extreme}


@dataclass(frozen=True)
class Preset:
    """A preset as a page offers it."""

    name: str
    title: str
    summary: str
    experiment: Experiment
    missing: str = ""


def offered(home: Home) -> tuple[Preset, ...]:
    """Returns the presets; they use what is bundled in place of what is not downloaded."""
    weights = MODELS[PAPER_MODEL].is_present(home)
    photos = imagenette.is_present(home)
    model = PAPER_MODEL if weights else BUNDLED_MODEL
    dataset = imagenette.DATASET_ID if photos else photo_patches.DATASET_ID
    return (
        Preset("demo", "Quick demo", "Five variants on the built-in photos; no download.", demo()),
        Preset(
            "paper",
            "The paper's experiment",
            "500 min-max calibration photos, 5 QAT epochs, and the two controls it lacked.",
            paper(model, dataset),
            " and ".join(
                w for w, t in (("the ImageNet weights", weights), ("Imagenette", photos)) if not t
            ),
        ),
        Preset(
            "thorough",
            "Thorough",
            "Every variant and control, on all available photos.",
            thorough(dataset=dataset),
            "" if photos else "Imagenette",
        ),
        Preset(
            "extreme",
            "Extreme",
            "4 bits and below: what rounding saves, what training adds, and bits fitted to a size.",
            extreme(dataset=dataset),
            "" if photos else "Imagenette",
        ),
    )
