"""From a run to the experiments that look into its layers or mix its precisions."""

from dataclasses import replace

from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import MIXED

_ABOUT_LAYERS = ("layers", "mixed", "variants")


def looking(experiment: Experiment, layers: Layers) -> Experiment:
    """Returns the same experiment, which looks into the layers too; all else is cached."""
    return replace(experiment, layers=layers)


def mixing(experiment: Experiment, mixed: Mixed, layers: Layers | None) -> Experiment:
    """Returns the same experiment with the variant ``int8_mixed``."""
    variants = (*experiment.variants, MIXED)
    return replace(experiment, variants=variants, mixed=mixed, layers=layers or experiment.layers)


def is_about(other: Experiment, experiment: Experiment) -> bool:
    """Tells whether one asks about the layers of what another makes, and differs in no more."""
    if other.layers is None and other.mixed is None:
        return False
    return _model(other) == _model(experiment)


def _model(experiment: Experiment) -> dict[str, object]:
    plain = experiment.to_dict()
    return {name: value for name, value in plain.items() if name not in _ABOUT_LAYERS}
