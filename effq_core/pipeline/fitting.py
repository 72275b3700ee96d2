"""Sizes that a small set of photos has room for, in place of those an experiment starts with."""

from dataclasses import replace

from effq_core.base.settings import Home
from effq_core.experiment import CALIBRATION_SIZES, Experiment
from effq_core.models.catalogue import get_model
from effq_core.models.classes import HeadUse, match_classes
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.glance import part_sizes

CALIBRATION_SHARE = 4  # at most one in so many photos calibrates where others are to train on
_STEP = 10


def fit(experiment: Experiment, home: Home) -> Experiment:
    """Makes an experiment's samples fit its photos."""
    there = part_sizes(experiment.dataset, home)
    size = experiment.calibration.size if experiment.calibrates else 0
    trains = experiment.trains or needs_head(experiment, home)
    most = there.training // CALIBRATION_SHARE if trains else there.training
    if size > most:
        size = max(CALIBRATION_SIZES[0], most - most % _STEP)
        experiment = replace(experiment, calibration=replace(experiment.calibration, size=size))
    if trains and (experiment.training_size or 0) > there.training - size:
        experiment = replace(experiment, training_size=None)
    if (experiment.evaluation_size or 0) > there.evaluation:
        experiment = replace(experiment, evaluation_size=None)
    return experiment


def needs_head(experiment: Experiment, home: Home) -> bool:
    """Tells whether a new head is trained on the photos."""
    dataset = open_dataset(experiment.dataset, home)
    labels = get_model(experiment.model, home).head_labels
    return match_classes(labels, dataset.class_names, dataset.wnids).use is HeadUse.NEW
