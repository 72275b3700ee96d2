"""What is in the results of a run, typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import reading
from effq_core.base.hardware import Hardware
from effq_core.base.plain import Plain
from effq_core.base.settings import REFERENCE_RUN
from effq_core.experiment import Experiment
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.accuracy import AccuracyReport
from effq_core.measure.gates import Gate
from effq_core.measure.latency import LatencyReport, Ratio, ratio_of
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import Comparison, sentence
from effq_core.models.catalogue import get_model
from effq_core.photos.image_input import ImageInput
from effq_core.results.warnings import Warned, warnings_of
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.registry import runtime_of
from effq_core.runtimes.session import Runtime
from effq_core.store.manifest import MODEL_FILE

REFERENCE_FOLDER = REFERENCE_RUN

_BASELINE_TITLE = get_variant(BASELINE).title
_LABELS_FILE = "labels.txt"


@dataclass(frozen=True, kw_only=True)
class VariantResult(Plain):
    """Everything measured on one variant."""

    name: str
    # Where its file is in the store, ``<kind>/<fingerprint>``; empty where there is none.
    artifact: str
    predictions: str  # where its answers to every evaluation image are, likewise
    file: FileReport
    compression: float
    saved_percent: float
    accuracy: AccuracyReport
    comparison: Comparison | None  # its difference to float32; ``None`` for float32 itself
    sentence: str | None
    latency: tuple[LatencyReport, ...]
    conversion: dict[str, Any]  # what the converting stage tells
    # What fine-tuning, or setting fake-quant ranges, tells; ``None`` without.
    training: dict[str, Any] | None
    gates: tuple[Gate, ...]

    @property
    def title(self) -> str:
        """Name for people; not the stored one, which an earlier version may have given."""
        return get_variant(self.name).title

    @property
    def rounding_rule(self) -> str:
        """The rule its weights were rounded by; empty where they are floats."""
        return str(self.conversion.get("rule") or get_variant(self.name).rounding_rule)

    @property
    def failed_gates(self) -> tuple[Gate, ...]:
        """The gates it does not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def timing(self, threads: int) -> LatencyReport | None:
        """Returns the timing at a thread count, if it was measured."""
        return next((timing for timing in self.latency if timing.threads == threads), None)

    @classmethod
    def of(cls, name: str, plain: Mapping[str, Any]) -> VariantResult:
        """Reads a variant's part of the results, JSON values."""
        found = cls.from_dict({**plain, "name": name, "sentence": None})
        if found.comparison is None:
            return found
        # Not the stored one: that calls the variants by their identifiers.
        return replace(found, sentence=sentence(found.comparison, _BASELINE_TITLE, found.title))


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of a run."""

    experiment: Experiment
    head_use: str  # what became of the model's head: see :class:`effq_core.models.classes.HeadUse`
    model: dict[str, Any]
    dataset: dict[str, Any]
    samples: dict[str, dict[str, Any]]  # count, seed and skipped images of each sample, by role
    variants: dict[str, VariantResult]
    gates: tuple[Gate, ...]
    warnings: tuple[Warned, ...]
    hardware: Hardware
    versions: dict[str, str]
    plain: dict[str, Any]
    # Where the artifacts named by the variants are; ``None`` where there are none.
    folder: Path | None

    @property
    def checks(self) -> tuple[tuple[VariantResult | None, Gate], ...]:
        """Every gate with the variant it is about; those of the samples come first."""
        own = [(each, gate) for each in self.variants.values() for gate in each.gates]
        return (*((None, gate) for gate in self.gates), *own)

    @property
    def baseline(self) -> VariantResult:
        """float32, which every other variant is compared with."""
        return self.variants[BASELINE]

    @property
    def threads(self) -> tuple[int, ...]:
        """Thread counts latency was measured at."""
        return tuple(timing.threads for timing in self.baseline.latency)

    @property
    def is_reference(self) -> bool:
        """Whether they are the bundled run's, whose files were timed on another machine."""
        return self.folder == REFERENCE_FOLDER

    @property
    def with_files(self) -> tuple[str, ...]:
        """The variants whose ``.tflite`` files there are: all but the reference run's controls."""
        if self.folder is None:
            return ()
        return tuple(name for name, variant in self.variants.items() if variant.artifact)

    def speedup(self, name: str, threads: int) -> Ratio | None:
        """Returns how many times as fast as float32 a variant is; ``None`` where it is untimed."""
        own, other = self.variants[name].timing(threads), self.baseline.timing(threads)
        return None if own is None or other is None else ratio_of(other, own)

    @property
    def image_input(self) -> ImageInput:
        """What the run's models take of a photo."""
        return ImageInput.from_plain(self.model)

    def runtime(self, name: str) -> Runtime:
        """Returns what runs a variant's file."""
        return runtime_of(Path(self.variant(name).file.name))

    def model_file(self, name: str) -> Path:
        """Returns a variant's file; InputError if the run lacks the variant or the file."""
        file = Path(MODEL_FILE).with_suffix(self.runtime(name).suffix).name
        path, measured = self._file(name, file), self.variants[name].file.size_bytes
        # Half a file must not be handed out; a change of same size is for who copies it to find.
        if (size := path.stat().st_size) != measured:
            message = f"{path} has {size:,} bytes instead of the {measured:,} that were measured."
            raise StoreError(message, "Run the experiment again: a damaged file is made again.")
        return path

    def companions(self, name: str) -> dict[str, bytes]:
        """Returns the JSON files that go along with a variant's model, by name."""
        found = {}
        for file in get_variant(name).files:
            with reading(file, (path := self._file(name, file)).parent):
                found[file] = path.read_bytes()
                json.loads(found[file])
        return found

    def labels(self) -> list[str]:
        """Returns the names of the model's outputs in their order."""
        path = self._file(BASELINE, _LABELS_FILE)
        # Not splitlines(): a label may hold a character that only Unicode calls a line's end.
        return path.read_text(encoding="utf-8").rstrip("\n").split("\n")

    def predictions(self, name: str) -> Predictions:
        """Reads a variant's answers to every evaluation image."""
        variant = self.variant(name)
        if self.folder is None:
            raise _without_files("These results come without files.")
        return Predictions.load(self.folder / variant.predictions)

    def variant(self, name: str) -> VariantResult:
        """Returns a variant's results."""
        if name not in self.variants:
            message = f"The run has no variant {name!r}."
            raise InputError(message, f"It has: {', '.join(self.variants)}.")
        return self.variants[name]

    def _file(self, name: str, file: str) -> Path:
        variant = self.variant(name)
        if self.folder is None or not variant.artifact:
            raise _without_files(
                f"The .tflite file of {variant.title} does not come with these results, only its "
                "measurements."
            )
        path = self.folder / variant.artifact / file
        if not path.is_file():
            message = f"{path} is missing."
            raise StoreError(message, "Run the experiment again: only what is missing is made.")
        return path

    @classmethod
    def from_dict(cls, plain: dict[str, Any], folder: Path | None = None) -> Results:
        """Reads the document of a run's last stage; StoreError if it is none."""
        try:
            if plain["format"] != 1:
                message = f"The results have format {plain['format']}; this EffQ reads format 1."
                raise StoreError(message, "Run the experiment again, or update EffQ.")
            return cls(
                experiment=Experiment.from_dict(plain["experiment"]),
                head_use=plain["head_use"],
                model=plain["model"],
                dataset=plain["dataset"],
                samples=plain["samples"],
                variants={n: VariantResult.of(n, v) for n, v in plain["variants"].items()},
                gates=tuple(Gate.from_dict(g) for g in plain["gates"]),
                warnings=warnings_of(plain),
                hardware=Hardware.from_dict(plain["hardware"]),
                versions=plain["versions"],
                plain=plain,
                folder=folder,
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise StoreError(
                f"The results cannot be read ({type(error).__name__}: {error}).",
                "They come from another version of EffQ or need a plug-in that is not there; run "
                "the experiment again.",
            ) from error


def _without_files(message: str) -> InputError:
    return InputError(message, "Run the same experiment with `effq run`, then use that run.")


def output_names(results: Results) -> list[str]:
    """Returns what a run's outputs are called, in order; by its model's label set without files."""
    if results.baseline.artifact:
        return results.labels()
    return [label.name for label in get_model(results.experiment.model).head_labels]


def class_names(results: Results) -> list[str]:
    """Returns the dataset's names of its classes in label order; empty without labels."""
    return [str(name) for name in results.dataset["class_names"]]
