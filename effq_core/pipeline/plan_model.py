"""What a plan must know about its model. Imports no TensorFlow."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.models.card import ModelCard
from effq_core.models.class_names import canonical, without_numbers
from effq_core.models.classes import HeadNote, HeadUse, new_head_note
from effq_core.models.file_input import Answers
from effq_core.models.own.card import OwnCard, variant_problem
from effq_core.models.own.extra_output import beside
from effq_core.models.own.ready import get_ready
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Dataset


def model_stage(card: ModelCard, entry: ImageInput) -> tuple[str, dict[str, Any]]:
    """Returns the stage that builds the float model, and its parameters."""
    params: dict[str, Any] = {
        "model": card.id,
        "weights": card.weights.sha256 or card.weights.md5,
        **entry.to_plain(),
    }
    if isinstance(card, OwnCard):  # its preprocessing is in its layers, or in its graph
        return "own:float_model", params
    return "model:float_model", {**params, "normalisation": card.normalisation.plain()}


def ready_stage(
    variant: str, home: Home, names: Sequence[str]
) -> tuple[dict[str, Any], ImageInput]:
    """Returns an added file's stage parameters and what it takes of a photo; checks its classes."""
    file = get_ready(variant, home)
    every = without_numbers([label.name for label in file.labels], in_order=True)
    classes = without_numbers(names, in_order=False)
    background = beside(every, classes)
    kept = [at for at in range(len(every)) if at != background]
    own = [canonical(every[at]) for at in kept]
    wanted = [canonical(name) for name in classes]
    if own != wanted:
        first = next((i for i, (a, b) in enumerate(zip(own, wanted, strict=False)) if a != b), None)
        reason = (
            f"it has {len(own):,} classes, the run {len(wanted):,}"
            if first is None
            else f"its output {kept[first] + 1} is {file.labels[kept[first]].name!r}, "
            f"not {names[first]!r}"
        )
        message = f"{file.title} cannot stand beside this run's variants: {reason}."
        hint = "Choose the model and photos whose classes it has, in the same order."
        raise ExperimentError(message, hint)
    preprocessing = file.normalisation
    params: dict[str, Any] = {
        "variant": variant,
        "sha256": file.sha256,
        "preprocessing": preprocessing.plain() if preprocessing else None,
    }
    if file.softmax:
        params["softmax"] = True
    answers = replace(file.answers, background=background)
    if answers != Answers():  # older fingerprints stay
        params["answers"] = asdict(answers)
    return params, file.image_input


def head_note(card: ModelCard, dataset: Dataset) -> HeadNote:
    """Says why a model gets a new head on these photos; empty where it keeps its own."""
    return new_head_note(card.head_labels, tuple(dataset.class_names), tuple(dataset.wnids))


def check_model(card: ModelCard, experiment: Experiment, use: HeadUse, reason: str = "") -> None:
    """Refuses what an added model cannot do, naming the layers that are the reason."""
    if not isinstance(card, OwnCard):
        return
    if experiment.image_size not in (None, card.image_size):
        message = f"{card.title} takes {card.image_size} pixels, not {experiment.image_size}."
        raise ExperimentError(message, "Leave the input size at the model's own.")
    for variant in experiment.variants:
        problem = variant_problem(card, variant)
        if problem:
            raise ExperimentError(problem, f"Choose variants without {variant}.")
    if use is HeadUse.NEW and card.head_problem:
        raise ExperimentError(
            f"The photos' classes are not {card.title}'s, and it cannot get a new head: "
            f"{card.head_problem}.",
            f"{reason} Choose photos whose folders are named like the model's labels, or photos"
            " without labels.".lstrip(),
        )
