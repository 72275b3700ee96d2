"""From options to an experiment."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.checks import one, one_of
from effq_core.base.errors import DatasetError, ExperimentError
from effq_core.base.settings import Home
from effq_core.cli.output import say
from effq_core.cli.setting_options import ASKED, parameter
from effq_core.experiment import Experiment
from effq_core.experiment.setting import Setting
from effq_core.experiment.variants import CATALOGUE, controls, in_catalogue_order, standard
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


def given(options: Mapping[str, Any], *, one_down: bool = False) -> dict[str, Any]:
    """Reads the options that choose settings, as values by the path of their setting."""
    found: dict[str, Any] = {}
    for setting in ASKED:
        text = options.get(parameter(setting))
        if text is None or text is False or text == []:
            continue
        values = parse_variants(text) if setting.path == "variants" else parse_values(setting, text)
        if values:
            found[setting.path] = values if setting.many else values[0]
    dataset = parse_data(found.get("dataset"), one_down=one_down)
    return found | ({"dataset": dataset} if dataset else {})


def parse_values(setting: Setting, given: Any) -> tuple[Any, ...]:
    """Reads values of a setting: one, or repeated and comma-separated ones."""
    texts = _split(given) if isinstance(given, list) else [given]
    return tuple(_value(setting, text) for text in texts)


def _value(setting: Setting, text: Any) -> Any:
    if setting.is_part:
        return setting.kind()
    if setting.choices:
        return one_of(setting.noun, text.replace("-", "_"), setting.choices())
    if setting.all and text == ALL:
        return None
    try:
        return setting.kind(text)
    except ValueError:
        whole = "Give a whole number" if setting.kind is int else "Give a number"
        message = f"{text!r} is not {one(setting.noun)}."
        raise ExperimentError(message, f"{whole}{', or all' * setting.all}.") from None


def make_experiment(preset: str, chosen: Mapping[str, Any]) -> Experiment:
    """Applies options to a preset; ExperimentError if it is unknown or a value out of range."""
    base = PRESETS[one_of("preset", preset, PRESETS)]()
    if chosen.get("dataset", base.dataset) != base.dataset:
        # A preset's sizes suit its own photos; of others, all are used.
        base = replace(base, training_size=None, evaluation_size=None)
    about = [each.variant for each in ASKED if each.variant and each.path in chosen]
    if about:
        chosen = {**chosen, "variants": (*chosen.get("variants", base.variants), *about)}
    return base.changed(chosen)


def refuse_unused(experiments: Collection[Experiment], chosen: Mapping[str, Any]) -> None:
    """Refuses options that would have no effect, and names what is made for the sake of others."""
    unused.refuse_unused(experiments, Home.from_environment(), chosen)
    about: dict[str, list[str]] = {}
    for each in ASKED:
        if each.variant and each.path in chosen and each.variant not in chosen.get("variants", ()):
            about.setdefault(each.variant, []).append(each.option)
    for variant, options in about.items():
        verb = "is" if len(options) == 1 else "are"
        say(f"{variant} is made as well: {fmt.listed(options)} {verb} about it.", error=True)


def parse_data(text: str | None, *, one_down: bool = False) -> str | None:
    """Reads ``--data``: a known name, ``photos:NAME`` or a folder; DatasetError if it is none."""
    if text is None or text in DATASETS or text.startswith(PHOTOS_PREFIX):
        if one_down:
            message = "--one-level-down is for folders of photos."
            raise DatasetError(message, "Give a folder with --data.")
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
    """Reads repeated and comma-separated names of variants, into the catalogue's order."""
    names = _split(texts)
    if not names:
        return None
    return in_catalogue_order(v for n in names for v in _GROUPS.get(n, (n.replace("-", "_"),)))


def _split(texts: Iterable[str] | None) -> list[str]:
    return [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
