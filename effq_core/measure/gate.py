"""Gates: checks with numbers that tell whether a variant's results can be believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from effq_core.base.plain import Plain
from effq_core.base.registry import Registry
from effq_core.base.reporting import Reporter
from effq_core.experiment.variants import BASELINE, Variant
from effq_core.measure.predictions import Predictions
from effq_core.runtimes.file_report import FileReport
from effq_core.store.manifest import LABELS_FILE


class Measured(Reporter, Protocol):
    """A run's measurements, as the stage ``report`` is given them."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The stage's parameters."""

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Folder of each input artifact, such as ``evaluate:int8``."""

    @property
    def summaries(self) -> Mapping[str, Mapping[str, Any]]:
        """What each input's stage returned."""

    @property
    def scratch(self) -> Path:
        """Folder that is removed once the stage completes."""


@dataclass(frozen=True)
class Evidence:
    """What was measured, and the variant whose file is judged."""

    context: Measured  # everything that was measured
    variant: Variant  # whose file it is

    @property
    def made(self) -> Mapping[str, Any]:
        """What the stage that made its file returned."""
        return self.context.summaries.get(f"file:{self.variant.name}", {})

    def file(self, variant: str) -> FileReport:
        """Returns what is in a variant's file."""
        return FileReport.from_dict(self.read(f"inspect:{variant}", "file.json"))

    def answers(self, variant: str) -> Predictions:
        """Returns a variant's answers to the evaluation images."""
        return Predictions.load(self.context.inputs[f"evaluate:{variant}"])

    def labels(self) -> list[str]:
        """Returns the names of the model's outputs in their order."""
        path = self.context.inputs[f"file:{BASELINE}"] / LABELS_FILE
        return path.read_text(encoding="utf-8").rstrip("\n").split("\n")

    def read(self, source: str, file: str) -> Any:
        """Returns what a JSON file of an input holds."""
        return json.loads((self.context.inputs[source] / file).read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Gate(Plain):
    """What one check of one thing came to."""

    name: str  # what was checked: that of its rule
    passed: bool  # whether it holds
    value: float  # what was measured
    limit: float  # what it had to reach, or not to exceed
    n: int  # number of things looked at: images, tensors, operators
    detail: str  # the result in words, for whoever reads the document without EffQ
    facts: Mapping[str, Any] | None = None  # what the sentence is made from; ``None``: older files

    def __post_init__(self) -> None:
        """Refuses facts its rule's sentence cannot be made from, wherever they come from."""
        self.text  # noqa: B018 - raises

    @property
    def rule(self) -> Rule:
        """What was checked; of another version's gate, what can be said of it."""
        if self.name in GATES:
            return GATES[self.name]
        purpose = "Another version of EffQ made this check."
        name, sentence = self.name, lambda **_: self.detail
        return Rule(name=name, title=name, purpose=purpose, sentence=sentence)

    @property
    def text(self) -> str:
        """The result in words."""
        return self.detail if self.facts is None else self.rule.sentence(**self.facts)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check, and all that is said about it."""

    name: str  # identifier in files and on the command line
    title: str  # what holds where it passes
    purpose: str  # what it protects against
    sentence: Callable[..., str]  # says what was found; takes the facts by name
    group: str = ""  # heading of several rules of a kind; empty where it stands alone
    of_file: Callable[[Evidence], Gate | None] | None = None  # judges a file, if it has one
    of_samples: Callable[[Measured], Gate | None] | None = None  # judges a run's samples, likewise

    @property
    def heading(self) -> str:
        """What its results are listed under."""
        return self.group or self.title


GATES: Registry[Rule] = Registry("gate", unique=("title",))


def judged(
    name: str, *, passed: bool, value: float, limit: float, n: int, facts: Mapping[str, Any]
) -> Gate:
    """Puts what a rule found in its words, for which ``facts`` are JSON values."""
    detail = GATES[name].sentence(**facts)
    return Gate(name=name, passed=passed, value=value, limit=limit, n=n, detail=detail, facts=facts)


def gates_of_file(evidence: Evidence) -> list[Gate]:
    """Applies every rule that has something to judge in a variant's file."""
    found = [rule.of_file(evidence) for rule in GATES.values() if rule.of_file]
    return [gate for gate in found if gate is not None]


def gates_of_samples(measured: Measured) -> list[Gate]:
    """Applies every rule that has something to judge in a run's samples."""
    found = [rule.of_samples(measured) for rule in GATES.values() if rule.of_samples]
    return [gate for gate in found if gate is not None]
