"""From options to an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from effq_core.datasets.roots import folder_id, folder_of_id
from effq_core.errors import DatasetError, ExperimentError
from effq_core.experiment import Experiment
from effq_core.layers.settings import Layers, Mixed
from effq_core.presets import PRESETS
from effq_core.variants import CATALOGUE, CONTROLS, MIXED, STANDARD, in_catalogue_order

PHOTOS_PREFIX = "photos:"
DATASETS = ("photo_patches", "imagenette")
# What takes a search of its own is made where it is asked for by name.
_GROUPS = {
    "all": tuple(n for n, row in CATALOGUE.items() if not row.is_on_request),
    "standard": STANDARD,
    "controls": CONTROLS,
}
ALL = "all"


def make_experiment(
    preset: str,
    *,
    experiment: dict[str, Any],
    calibration: dict[str, Any],
    qat: dict[str, Any],
    layers: dict[str, Any] | None = None,
    looks: bool = False,
    mixed: dict[str, Any] | None = None,
) -> Experiment:
    """Applies options to a preset.

    Args:
        preset: Its name.
        experiment: Fields of :class:`~effq_core.experiment.Experiment`; ``None`` where not given.
        calibration: Fields of :class:`~effq_core.experiment.Calibration`, likewise.
        qat: Fields of :class:`~effq_core.experiment.Qat`, likewise.
        layers: Fields of :class:`~effq_core.layers.settings.Layers`, likewise; any asks for it.
        looks: Whether layers are looked at even where none of these was given.
        mixed: Fields of :class:`~effq_core.layers.settings.Mixed`, likewise; any asks for
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


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that were given; :data:`ALL` stands for a field's ``None``."""
    return {
        name: None if value == ALL else value
        for name, value in options.items()
        if value is not None
    }


def parse_data(text: str | None, *, one_down: bool = False) -> str | None:
    """Reads what ``--data`` names.

    Args:
        text: ``photo_patches``, ``imagenette``, ``photos:`` and the name of a set of one's own, or
            a folder with or without ``folder:``; ``None`` where it was not given.
        one_down: Whether the folders in the folders there are the classes.

    Returns:
        A dataset's identifier; ``None`` where it was not given.

    Raises:
        DatasetError: If it is none of them.
    """
    if text is None or text in DATASETS or text.startswith(PHOTOS_PREFIX):
        if one_down:
            raise DatasetError(
                "--one-level-down is for folders of photos.", "Give a folder with --data."
            )
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
