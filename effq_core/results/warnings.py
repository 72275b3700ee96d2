"""What a reader of a run's results must know, told from their document. Pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import get_variant
from effq_core.measure.gates import Gate


class About(StrEnum):
    """What a warning is about."""

    HEAD = "head"
    PHOTOS = "photos"
    GATE = "gate"
    THREADS = "threads"
    BUSY = "busy"
    FEW = "few"
    CONTROL = "control"


@dataclass(frozen=True)
class Warned:
    """One warning, of the whole run where ``variant`` is empty, of all threads where it is 0."""

    about: About
    words: str
    variant: str = ""
    threads: int = 0

    @property
    def text(self) -> str:
        """The warning, with whom it is about."""
        if not self.variant:
            return self.words
        threads = f", {fmt.counted(self.threads, 'thread')}" if self.threads else ""
        return f"{get_variant(self.variant).title}{threads}: {self.words}"


def warnings_of(plain: Mapping[str, Any]) -> tuple[Warned, ...]:
    """Lists what a run's results, as plain values, warn of."""
    found = [*_of_photos(plain), *_of_gates(plain["gates"])]
    for name, values in plain["variants"].items():
        found += _of_variant(name, values, plain["variants"])
    # Documents written before the note had a place of its own have it in front of all others.
    stored = plain.get("warnings", ())
    note = plain.get("head_note", stored[0] if len(stored) > len(found) else "")
    return (*([Warned(About.HEAD, note)] if note else []), *found)


def _of_photos(plain: Mapping[str, Any]) -> Iterator[Warned]:
    told = []
    if skipped := plain["dataset"]["skipped"]:
        told.append(f"{fmt.counted(skipped, 'photo')} of the dataset could not be read.")
    for role, summary in plain["samples"].items():
        if broken := len(summary["skipped"]):
            told.append(f"{fmt.counted(broken, 'broken photo')} left out of {role}.")
        if summary["count"] < summary["asked"]:
            told.append(
                f"{role.capitalize()} has {summary['count']:,} photos of {summary['asked']:,}."
            )
    made = [get_variant(name) for name in plain["variants"]]
    used = {
        "calibration": ("calibrated", any(variant.needs_calibration for variant in made)),
        "training": ("trained", any(variant.trained for variant in made)),
    }
    if plain["experiment"].get("files_of"):
        told += [
            f"Whether the files were {what} on some of these photos cannot be checked: the {role} "
            "sample is not on this machine."
            for role, (what, needed) in used.items()
            if needed and role not in plain["samples"]
        ]
    return (Warned(About.PHOTOS, words) for words in told)


def _of_gates(gates: list[dict[str, Any]], variant: str = "") -> Iterator[Warned]:
    for gate in map(Gate.from_dict, gates):
        if not gate.passed:
            the = "the" if variant else "The"
            words = f"{the} check “{gate.rule.title}” failed. {gate.text}"
            yield Warned(About.GATE, words, variant)


def _of_variant(
    name: str, values: Mapping[str, Any], variants: Mapping[str, Any]
) -> Iterator[Warned]:
    for timing in values["latency"]:
        threads, cores = timing["threads"], timing["hardware"]["logical_cores"]
        if threads > cores:
            words = f"{threads} threads share {fmt.counted(cores, 'core')}."
            yield Warned(About.THREADS, words, name)
        if timing["warning"]:
            yield Warned(About.BUSY, timing["warning"], name, threads)
    yield from _of_gates(values["gates"], name)
    if (values["comparison"] or {}).get("too_small_to_tell"):
        yield Warned(About.FEW, "too few photos to tell a small loss from none.", name)
    if (beside := get_variant(name).beside) and beside not in variants:
        words = f"it is a control for {get_variant(beside).title}, which was not chosen."
        yield Warned(About.CONTROL, words, name)
