"""What a plan must know about its model. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from effq_core.datasets.image_input import ImageInput
from effq_core.errors import ExperimentError
from effq_core.experiment import Experiment
from effq_core.measure.answers import Answers
from effq_core.models.catalogue import ModelCard
from effq_core.models.classes import HeadUse
from effq_core.models.own.card import OwnCard, variant_problem
from effq_core.models.own.extra_output import beside
from effq_core.models.own.ready import get_ready
from effq_core.settings import Home


def model_stage(card: ModelCard, entry: ImageInput) -> tuple[str, dict[str, Any]]:
    """Returns the function that builds the float model, and what it depends on.

    Args:
        card: The model.
        entry: What it takes of a photo.

    Returns:
        The function below ``effq_core.pipeline.stages``, and its parameters.
    """
    params: dict[str, Any] = {
        "model": card.id,
        "weights": card.weights.sha256 or card.weights.md5,
        **entry.to_plain(),
    }
    if isinstance(card, OwnCard):  # its preprocessing is in its layers, or in its graph
        return "own:float_model", params
    return "model:float_model", {**params, "normalisation": asdict(card.normalisation)}


def ready_stage(
    variant: str, home: Home, names: Sequence[str]
) -> tuple[dict[str, Any], ImageInput]:
    """Returns what the stage of a file somebody brought depends on, and its input.

    Args:
        variant: Its name as a variant.
        home: The store.
        names: Of the run's classes, in the order of the model's outputs.

    Returns:
        The stage's parameters; what it takes of a photo.

    Raises:
        ModelError: If there is no such file.
        ExperimentError: If its classes are not the run's.
    """
    file = get_ready(variant, home)
    every = [label.name for label in file.labels]
    background = beside(every, names)
    own = [name.casefold() for at, name in enumerate(every) if at != background]
    wanted = [name.casefold() for name in names]
    if own != wanted:
        first = next((i for i, (a, b) in enumerate(zip(own, wanted, strict=False)) if a != b), None)
        reason = (
            f"it has {len(own):,} classes, the run {len(wanted):,}"
            if first is None
            else f"its output {first + 1} is {file.labels[first].name!r}, not {names[first]!r}"
        )
        raise ExperimentError(
            f"{file.title} cannot stand beside this run's variants: {reason}.",
            "Choose the model and photos whose classes it has, in the same order.",
        )
    preprocessing = file.normalisation
    params = {
        "variant": variant,
        "sha256": file.sha256,
        "preprocessing": asdict(preprocessing) if preprocessing else None,
    }
    answers = replace(file.answers, background=background)
    if answers != Answers():  # older fingerprints stay
        params["answers"] = asdict(answers)
    return params, file.image_input


def check_model(card: ModelCard, experiment: Experiment, use: HeadUse) -> None:
    """Refuses what a model of one's own cannot do; bundled ones can do everything.

    Args:
        card: The model.
        experiment: What is asked of it.
        use: What becomes of its head.

    Raises:
        ExperimentError: If it cannot, naming the layers that are the reason.
    """
    if not isinstance(card, OwnCard):
        return
    if experiment.image_size not in (None, card.image_size):
        raise ExperimentError(
            f"{card.title} takes {card.image_size} pixels, not {experiment.image_size}.",
            "Leave the input size at the model's own.",
        )
    for variant in experiment.variants:
        problem = variant_problem(card, variant)
        if problem:
            raise ExperimentError(problem, f"Choose variants without {variant}.")
    if use is HeadUse.NEW and card.head_problem:
        raise ExperimentError(
            f"The photos' classes are not {card.title}'s, and it cannot get a new head: "
            f"{card.head_problem}.",
            "Choose photos whose folders are named like the model's labels, or photos without "
            "labels.",
        )
