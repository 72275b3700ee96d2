"""Seeded, stratified and disjoint samples of a dataset."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import TypeVar

from effq_core.base.errors import DatasetError
from effq_core.base.formatting import counted
from effq_core.experiment import CALIBRATION_SIZES
from effq_core.photos.index import TRAIN, VAL, ImageItem, Index

_T = TypeVar("_T")
EVALUATION_SHARE = 0.3  # of a dataset without a split; Imagenette's makers chose it


class Role(StrEnum):
    """What a sample is for."""

    CALIBRATION = "calibration"  # sets activation ranges
    TRAINING = "training"  # fine-tunes the model or trains a new head
    EVALUATION = "evaluation"  # measures accuracy


@dataclass(frozen=True)
class ResolvedSizes:
    """How many images each sample has."""

    calibration: int
    training: int  # images to train on; 0 where calibration takes all
    evaluation: int


def draw_order(
    index: Index, role: Role, seed: int, split_seed: int | None = None, *, whole: bool = False
) -> list[ImageItem]:
    """Orders the images a role may draw from; its sample is a prefix of that order.

    Ranked by hashes of seed and content; every prefix has the classes as evenly as possible, and
    training goes from the other end than calibration. ``split_seed`` divides a dataset without
    splits; ``whole`` evaluates all of it.
    """
    split_seed = seed if split_seed is None else split_seed
    training_part, evaluation_part = _parts(index, split_seed, whole=whole)
    if role is Role.EVALUATION:
        return dealt(_classes(evaluation_part, seed))
    classes = _classes(training_part, seed)
    front = dealt([ranked[: -(-len(ranked) // 2)] for ranked in classes])
    back = dealt([ranked[-(-len(ranked) // 2) :][::-1] for ranked in classes])
    return [*front, *back[::-1]] if role is Role.CALIBRATION else [*back, *front[::-1]]


def check_sizes(
    index: Index,
    calibration: int,
    training: int | None,
    evaluation: int | None,
    *,
    training_needed: bool = False,
    whole: bool = False,
) -> ResolvedSizes:
    """Checks that a dataset has the images an experiment asks for, or raises DatasetError.

    ``None`` to train on: all that remain after calibration; to evaluate: all there are. With
    ``training_needed`` one must remain; ``whole`` is as for :func:`draw_order`.
    """
    present = {item.label for item in index.items}
    if index.is_labelled and len(present) < 2:
        raise DatasetError(
            f"{index.dataset} has usable images of {len(present)} class only.",
            "Add a second class, or put the images directly into one folder: unlabelled.",
        )
    # Sizes do not depend on the seed.
    training_part, evaluation_part = _parts(index, 0, whole=whole)
    total, evaluable = len(training_part), len(evaluation_part)
    if evaluable == 0 or (evaluation is not None and evaluation > evaluable):
        raise DatasetError(
            f"{index.dataset} has {counted(evaluable, 'image')} for evaluation"
            f" and {evaluation or 1:,} were asked for.",
            f"Choose an evaluation size of at most {evaluable:,}, or leave it open to use all."
            if evaluable
            else "Add images.",
        )
    if calibration > total:
        raise DatasetError(
            f"{index.dataset} has {counted(total, 'image')} outside evaluation"
            f" and {calibration:,} were asked for to calibrate with.",
            f"Choose a calibration size of at most {total:,}, or add images."
            if total >= CALIBRATION_SIZES[0]
            else "Add images.",
        )
    left = total - calibration
    if (training or 0) > left or (training_needed and left == 0):
        asked = f"{training:,}" if training else "at least 1"
        raise DatasetError(
            f"{index.dataset} has {counted(total, 'image')} outside evaluation; calibration takes"
            f" {calibration:,} and leaves {left:,}, but {asked} were asked for to train on.",
            f"Choose a training size of at most {left:,}, or a smaller calibration size."
            if left
            else "Choose a smaller calibration size, or variants that are not trained.",
        )
    wanted = evaluable if evaluation is None else evaluation
    return ResolvedSizes(calibration, left if training is None else training, wanted)


def candidates(
    index: Index,
    role: Role,
    sizes: ResolvedSizes,
    seed: int,
    split_seed: int | None = None,
    *,
    whole: bool = False,
) -> list[ImageItem]:
    """Returns a role's images, followed by those that may replace broken ones, never shared."""
    order = draw_order(index, role, seed, split_seed, whole=whole)
    if role is Role.EVALUATION:
        return order
    spare = len(order) - sizes.calibration - sizes.training
    if role is Role.CALIBRATION:
        return order[: sizes.calibration + spare // 2]
    return order[: sizes.training + spare - spare // 2]


def _parts(
    index: Index, seed: int, *, whole: bool = False
) -> tuple[list[ImageItem], list[ImageItem]]:
    train = [item for item in index.items if item.split == TRAIN]
    val = [item for item in index.items if item.split == VAL]
    if train and val:
        return train, val
    if whole:
        return [], list(index.items)
    training: list[ImageItem] = []
    evaluation: list[ImageItem] = []
    single: list[ImageItem] = []
    for ranked in _classes(index.items, seed, purpose="split"):
        if len(ranked) == 1:
            single += ranked
            continue
        count = max(round(len(ranked) * EVALUATION_SHARE), 1)
        evaluation += ranked[:count]
        training += ranked[count:]
    # A class of one image cannot be in both parts: such classes are divided among each other.
    count = round(len(single) * EVALUATION_SHARE)
    return [*training, *single[count:]], [*evaluation, *single[:count]]


def _classes(items: Iterable[ImageItem], seed: int, purpose: str = "draw") -> list[list[ImageItem]]:
    """Groups by label and shuffles: classes among each other and images within each."""
    groups: dict[int | None, list[ImageItem]] = {}
    for item in items:
        groups.setdefault(item.label, []).append(item)
    for group in groups.values():
        group.sort(key=lambda item: _rank(purpose, seed, item.sha256))
    labels = sorted(groups, key=lambda label: _rank(purpose, seed, f"class {label}"))
    return [groups[label] for label in labels]


def _rank(purpose: str, seed: int, what: str) -> bytes:
    return hashlib.sha256(f"{purpose}/{seed}/{what}".encode()).digest()


def dealt(groups: Iterable[Sequence[_T]]) -> list[_T]:
    """Takes one of each group in turn until all are dealt."""
    return [item for one_round in zip_longest(*groups) for item in one_round if item is not None]
