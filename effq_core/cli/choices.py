"""From options to an experiment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError, ExperimentError
from effq_core.base.settings import Home
from effq_core.cli.output import say
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import CATALOGUE, MIXED, controls, in_catalogue_order, standard
from effq_core.photos.roots import folder_id, folder_of_id
from effq_core.pipeline import unused
from effq_core.pipeline.presets import PRESETS

PHOTOS_PREFIX = "photos:"
DATASETS = ("photo_patches", "imagenette")
# What takes a search of its own is made where it is asked for by name.
_GROUPS = {
    "all": tuple(row.name for row in CATALOGUE.values() if not row.is_on_request),
    "standard": standard(),
    "controls": controls(),
}
ALL = "all"

OPTIONS = {
    "calibration.size": "--calibration-size",
    "calibration.method": "--calibration-method",
    "calibration.percentile": "--percentile",
    "qat.epochs": "--epochs",
    "qat.learning_rate": "--learning-rate",
    "qat.batch_size": "--batch-size",
    "qat.loss": "--loss",
    "training_size": "--training-size",
    "mixed.keep": "--keep",
    "mixed.precision": "--keep-precision",
    "mixed.max_drop_points": "--max-drop",
    "mixed.max_extra_size": "--max-extra-size",
    "mixed.max_latency_ratio": "--max-latency-ratio",
    "mixed.budget_seconds": "--search-budget",
    "threads": "--threads",
}
"""Options by the setting they choose, as far as not every experiment uses it."""

Groups = Mapping[str, Mapping[str, Any]]
"""Options by the part of the experiment they are about; ``None`` where not given."""


def make_experiment(
    preset: str,
    *,
    experiment: Mapping[str, Any],
    calibration: Mapping[str, Any],
    qat: Mapping[str, Any],
    layers: Mapping[str, Any] | None = None,
    looks: bool = False,
    mixed: Mapping[str, Any] | None = None,
) -> Experiment:
    """Applies options to a preset.

    Args:
        preset: Its name.
        experiment: Fields of :class:`~effq_core.experiment.Experiment`; ``None`` where not given.
        calibration: Fields of :class:`~effq_core.experiment.Calibration`, likewise.
        qat: Fields of :class:`~effq_core.experiment.Qat`, likewise.
        layers: Fields of :class:`~effq_core.experiment.mixed.Layers`, likewise; any asks for it.
        looks: Whether layers are looked at even where none of these was given.
        mixed: Fields of :class:`~effq_core.experiment.mixed.Mixed`, likewise; any asks for
            ``int8_mixed``.

    Returns:
        The experiment.

    Raises:
        ExperimentError: If the preset is unknown or a value out of range.
    """
    if preset not in PRESETS:
        raise ExperimentError(
            f"There is no preset {preset!r}.", f"Choose from: {', '.join(PRESETS)}."
        )
    base = PRESETS[preset]()
    if experiment.get("dataset") not in (None, base.dataset):
        # A preset's sizes suit its own photos; of others, all are used.
        base = replace(base, training_size=None, evaluation_size=None)
    about_layers, about_mixed = _given(layers or {}), _given(mixed or {})
    if looks or about_layers:
        base = replace(base, layers=Layers(**about_layers))
    chosen = _given(experiment)
    if about_mixed:
        names = (*chosen.get("variants", base.variants), MIXED)
        chosen |= {"variants": names, "mixed": Mixed(**about_mixed)}
    return replace(
        base,
        **chosen,
        calibration=replace(base.calibration, **_given(calibration)),
        qat=replace(base.qat, **_given(qat)),
    )


def refuse_unused(experiments: Collection[Experiment], groups: Groups) -> None:
    """Refuses options that would have no effect, and names what is made for the sake of others.

    Args:
        experiments: Those that would be run.
        groups: The options, as :func:`make_experiment` takes them.

    Raises:
        ExperimentError: If one has none.
        InputError: If the photos cannot be used.
    """
    chosen = [
        name if group == "experiment" else f"{group}.{name}"
        for group, options in groups.items()
        for name in _given(options)
    ]
    unused.refuse_unused(experiments, Home.from_environment(), chosen, OPTIONS)
    about = [OPTIONS[name] for name in chosen if name.startswith("mixed.")]
    if about and MIXED not in (groups["experiment"].get("variants") or ()):
        verb = "is" if len(about) == 1 else "are"
        say(f"{MIXED} is made as well: {fmt.listed(about)} {verb} about it.", error=True)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that were given; :data:`ALL` stands for a field's ``None``."""
    return {
        name: None if value == ALL else value
        for name, value in options.items()
        if value is not None
    }


def parse_data(text: str | None, *, one_down: bool = False) -> str | None:
    """Reads ``--data`` where it need not be given.

    Args:
        text: As for :func:`parse_dataset`; ``None`` where it was not given.
        one_down: Likewise.

    Returns:
        A dataset's identifier; ``None`` where it was not given.

    Raises:
        DatasetError: If it is none, or nothing was given whose folders could be one level down.
    """
    if text is not None:
        return parse_dataset(text, one_down=one_down)
    if one_down:
        raise _for_folders()
    return None


def parse_dataset(text: str, *, one_down: bool = False) -> str:
    """Reads what ``--data`` names.

    Args:
        text: ``photo_patches``, ``imagenette``, ``photos:`` and the name of a set of one's own, or
            a folder with or without ``folder:``.
        one_down: Whether the folders in the folders there are the classes.

    Returns:
        A dataset's identifier.

    Raises:
        DatasetError: If it is none of them.
    """
    if text in DATASETS or text.startswith(PHOTOS_PREFIX):
        if one_down:
            raise _for_folders()
        return text
    path, said = folder_of_id(text)
    path = path.expanduser()
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "does not exist"
        raise DatasetError(
            f"{path} {problem}, nor is it the name of a dataset.",
            f"Give a folder of photos, or one of: {', '.join(DATASETS)}, {PHOTOS_PREFIX}NAME"
            " (see `effq datasets`).",
        )
    return folder_id(path.resolve(), one_down=one_down or said)


def _for_folders() -> DatasetError:
    return DatasetError("--one-level-down is for folders of photos.", "Give a folder with --data.")


def parse_variants(texts: Iterable[str] | None) -> tuple[str, ...] | None:
    """Reads repeated and comma-separated names of variants.

    Args:
        texts: Values of ``--variant``; ``None`` or none where it was not given.

    Returns:
        Names in the catalogue's order; ``None`` where it was not given.

    Raises:
        ExperimentError: If a name is unknown.
    """
    names = _split(texts)
    if not names:
        return None
    return in_catalogue_order(
        variant for name in names for variant in _GROUPS.get(name, (name.replace("-", "_"),))
    )


def parse_names(texts: Iterable[str] | None) -> tuple[str, ...] | None:
    """Reads repeated and comma-separated names; ``None`` where there are none."""
    return tuple(_split(texts)) or None


def parse_threads(texts: Iterable[str] | None) -> tuple[int, ...] | None:
    """Reads repeated and comma-separated thread counts.

    Args:
        texts: Values of ``--threads``; ``None`` or none where it was not given.

    Returns:
        The counts; ``None`` where it was not given.

    Raises:
        ExperimentError: If one is not a whole number.
    """
    names = _split(texts)
    return tuple(_whole(name, "thread count") for name in names) if names else None


def parse_size(text: str | None, what: str) -> int | str | None:
    """Reads a number of images.

    Args:
        text: A whole number or ``all``; ``None`` where it was not given.
        what: What the size is of, for messages.

    Returns:
        The number, ``"all"``, or ``None`` where it was not given.

    Raises:
        ExperimentError: If it is neither.
    """
    if text is None or text == ALL:
        return text
    return _whole(text, f"{what} size (or `all`)")


def _whole(text: str, what: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ExperimentError(f"{text!r} is not a {what}.", "Give a whole number.") from None


def _split(texts: Iterable[str] | None) -> list[str]:
    return [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
