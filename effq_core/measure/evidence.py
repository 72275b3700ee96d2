"""What gates may look at: everything a run has measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from effq_core.base.reporting import Reporter
from effq_core.experiment.variants import BASELINE, Variant
from effq_core.measure.predictions import Predictions
from effq_core.runtimes.file_report import FileReport
from effq_core.store.stage_files import LABELS_FILE


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
