"""Several runs side by side: what they have in common, what differs, and what follows from it."""

import hashlib
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.experiment.variants import get_variant
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import Comparison, compare
from effq_core.photos.index import items_from_json
from effq_core.photos.pixels import ITEMS_FILE
from effq_core.results.document import Results
from effq_core.results.photos import pixels_folder
from effq_core.runtimes.registry import RUNTIMES

_MODEL, _PHOTOS, _WEIGHTS = "Model", "Photos", "Float model"


class Touches(StrEnum):
    """What a difference between runs makes incomparable."""

    ACCURACY = "accuracy"
    LATENCY = "latency"
    NOTHING = "nothing"  # it is what one would like to compare: a choice of the experiment


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that is not the same in all runs."""

    what: str  # what it is
    touches: Touches  # which numbers cannot be set side by side because of it
    values: tuple[str, ...]  # what each run has, in the order given


def differences(runs: Sequence[Results]) -> tuple[Difference, ...]:
    """Tells in what runs differ: what forbids comparing accuracy, then latency, then choices."""
    photos = [photos_of(results) for results in runs]
    same = len(set(photos)) == 1
    found = []
    for what, touches, read in _FIELDS:
        values = tuple(read(results) for results in runs)
        if len(set(values)) > 1:
            # Another name of the same photos, such as a moved folder, forbids nothing.
            moved = Touches.NOTHING if what == _PHOTOS and same else touches
            found.append(Difference(what=what, touches=moved, values=values))
    if not same and not any(entry.what == _PHOTOS for entry in found):
        numbers = {key: str(place) for place, key in enumerate(dict.fromkeys(photos), 1)}
        values = tuple(f"sample {numbers[key]}" for key in photos)
        found.append(Difference(what="Photos drawn", touches=Touches.ACCURACY, values=values))
    if any(entry.what == _MODEL for entry in found):  # says it better than a hash
        found = [entry for entry in found if entry.what != _WEIGHTS]
    order = list(Touches)
    return tuple(sorted(found, key=lambda entry: order.index(entry.touches)))


def verdicts(found: Sequence[Difference]) -> tuple[str, ...]:
    """Says which numbers may not be compared: a sentence for accuracy, one for latency, or none."""
    sentences = []
    for touches, what in (
        (Touches.ACCURACY, "Accuracies of these runs cannot be compared"),
        (Touches.LATENCY, "Latencies of these runs cannot be compared"),
    ):
        names = [entry.what.lower() for entry in found if entry.touches is touches]
        if names:
            sentences.append(f"{what}: they differ in {fmt.listed(names)}.")
    return tuple(sentences)


def photos_of(results: Results) -> Hashable:
    """Returns what tells evaluation photos apart: keys in order, and their content or dataset."""
    if results.folder is None:
        keys, content = tuple(results.predictions(results.baseline.name).keys), ""
    else:
        keys = _keys(results.folder, results.baseline.predictions)
        content = content_of(results.folder, results.baseline.predictions)
    return keys, content or results.experiment.dataset


@lru_cache(maxsize=12)
def content_of(folder: Path, predictions: str) -> str:
    """Returns a hash of the photos evaluated, 64 hexadecimal digits; empty where not recorded."""
    pixels = pixels_folder(folder, predictions)
    try:
        plain = json.loads(((pixels or folder) / ITEMS_FILE).read_text(encoding="utf-8"))
        hashes = [item.sha256 for item in items_from_json(plain["items"])]
    except (OSError, ValueError, KeyError, TypeError, EffqError):
        return ""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


@lru_cache(maxsize=12)  # comparing six runs asks for the same keys dozens of times
def _keys(folder: Path, predictions: str) -> tuple[str, ...]:
    return tuple(Predictions.load(folder / predictions).keys)


def across(a: Results, b: Results) -> dict[str, Comparison]:
    """Compares variants two runs share, ``b`` minus ``a``; empty if photos or classes differ."""
    found = {}
    same = photos_of(a) == photos_of(b)
    for name in a.variants:
        if name not in b.variants:
            continue
        before, after = a.predictions(name), b.predictions(name)
        if same and before.probabilities.shape == after.probabilities.shape:
            found[name] = compare(before, after)
    return found


def calibration_text(results: Results) -> str:
    """Says how activation ranges were found."""
    calibration = results.experiment.calibration
    return f"{fmt.counted(calibration.size, 'photo')}, {calibration.method_text}"


def qat_text(results: Results) -> str:
    """Says how fine-tuning was done."""
    if not any(get_variant(name).trained for name in results.variants):
        return "none"
    qat = results.experiment.qat
    epochs = fmt.counted(qat.epochs, "epoch")
    rate = f"{qat.learning_rate:g}".replace("e-0", "e-")
    return f"{epochs}, learning rate {rate}, batch {qat.batch_size}, loss {qat.loss}"


def _sample(role: str) -> Callable[[Results], str]:
    def read(results: Results) -> str:
        sample: dict[str, Any] | None = results.samples.get(role)
        return fmt.NOTHING if sample is None else fmt.count(sample["count"])

    return read


def _machine(results: Results) -> str:
    machine = results.hardware
    return f"{machine.cpu}, {fmt.counted(machine.logical_cores, 'hardware thread')}"


def _version_of(package: str) -> Callable[[Results], str]:
    return lambda results: results.versions.get(package, fmt.NOTHING)


_FIELDS: tuple[tuple[str, Touches, Callable[[Results], str]], ...] = (
    (_MODEL, Touches.ACCURACY, lambda r: str(r.model["title"])),
    (_PHOTOS, Touches.ACCURACY, lambda r: str(r.dataset["title"])),
    ("Evaluation photos", Touches.ACCURACY, _sample("evaluation")),
    ("Image size", Touches.ACCURACY, lambda r: r.image_input.short),
    (_WEIGHTS, Touches.ACCURACY, lambda r: f"sha256 {r.baseline.file.sha256[:8]}"),
    ("Machine", Touches.LATENCY, _machine),
    ("System", Touches.LATENCY, lambda r: r.hardware.system),
    *((e.title, Touches.LATENCY, _version_of(e.packages[0])) for e in RUNTIMES.values()),
    ("Thread counts", Touches.NOTHING, lambda r: ", ".join(fmt.count(t) for t in r.threads)),
    ("Calibration", Touches.NOTHING, calibration_text),
    ("QAT", Touches.NOTHING, qat_text),
    ("Training photos", Touches.NOTHING, _sample("training")),
    ("Seed", Touches.NOTHING, lambda r: str(r.experiment.seed)),
)
