"""Photos to try a model on, and which of its classes they show."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from effq_core.photos.photo_patches import sample_photos

# What ImageNet calls what is in the photos, by looking at them; the others show no class of it.
_SHOWS = {
    "camera": ("tripod", "reflex camera", "Polaroid camera"),
    "cat": ("tabby", "tiger cat", "Egyptian cat"),
    "clock": ("wall clock", "analog clock"),
    "coffee": ("espresso", "cup", "coffee mug"),
    "rocket": ("missile", "projectile"),
}
_DEFAULT = ("cat", "coffee", "rocket", "astronaut", "clock", "camera")
"""Offered where the model knows none of them: what most people would try."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A photo to try a model on."""

    name: str  # what it shows, in a word
    path: Path
    credit: str  # who made it, and its terms
    shows: tuple[str, ...]  # the model's classes that are in it; empty where it shows none


def shown_in(photo: str) -> tuple[str, ...]:
    """Returns what classes are called that a photo shows: its own name, and ImageNet's."""
    return (photo, *_SHOWS.get(photo, ()))


def samples_for(labels: Collection[str]) -> list[Sample]:
    """Chooses sample photos that show some of a model's classes, or else some common ones."""
    known = frozenset(labels)
    samples = [
        Sample(**photo._asdict(), shows=tuple(filter(known.__contains__, shown_in(photo.name))))
        for photo in sample_photos()
    ]
    fitting = [sample for sample in samples if sample.shows]
    return fitting or [sample for sample in samples if sample.name in _DEFAULT]
