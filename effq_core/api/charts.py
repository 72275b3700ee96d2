"""A run's charts by name; each is a function of :mod:`effq_core.charts`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from effq_core.base.errors import InputError
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.results import Results, VariantResult
from effq_core.results.document import class_names
from effq_core.results.pairs import class_changes

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Charts:
    """The charts of a run as plotly figures."""

    _results: Results = field(repr=False)

    def sizes(self) -> go.Figure:
        """Draws the file sizes."""
        from effq_core.charts.bars import sizes

        return sizes(self._results)

    def accuracy_vs_size(self) -> go.Figure:
        """Draws accuracy against file size."""
        from effq_core.charts.tradeoff import Against, tradeoff

        return tradeoff(self._results, Against.SIZE)

    def accuracy_vs_latency(self, threads: int | None = None) -> go.Figure:
        """Draws accuracy against latency at a thread count; the first timed, where not given."""
        from effq_core.charts.tradeoff import Against, tradeoff

        return tradeoff(self._results, Against.LATENCY, threads=self._threads(threads))

    def differences(self) -> go.Figure:
        """Draws each variant's difference to float32 with its interval."""
        from effq_core.charts.differences import against_float32

        return self._there(against_float32(self._results), "variant to compare with float32")

    def latency(self, threads: int | None = None) -> go.Figure:
        """Draws timed invocations at a thread count; the first timed, where not given."""
        from effq_core.charts.latency import distribution

        return distribution(self._results, self._threads(threads))

    def speed_by_threads(self) -> go.Figure:
        """Draws latency by thread count."""
        from effq_core.charts.latency import thread_scaling

        return thread_scaling(self._results)

    def confidence(self) -> go.Figure:
        """Draws confidence against accuracy."""
        from effq_core.charts.classes import reliability

        shown = [name for name in self._results.variants if not get_variant(name).is_control]
        return reliability({name: self._labelled(name).accuracy for name in shown})

    def confusion(self, variant: str = BASELINE) -> go.Figure:
        """Draws which class was answered for photos of each true class."""
        from effq_core.charts.classes import confusion

        return confusion(self._labelled(variant).accuracy, class_names(self._results))

    def class_changes(self, variant: str, against: str = BASELINE) -> go.Figure:
        """Draws a variant's accuracy change by class against another one."""
        from effq_core.charts.classes import class_differences

        first, second = self._labelled(against), self._labelled(variant)
        changes = class_changes(self._results, against, variant)
        return class_differences(changes, f"{second.title} minus {first.title}")

    def training(self) -> go.Figure:
        """Draws the losses of fine-tuning, epoch by epoch."""
        from effq_core.charts.training import losses

        histories = {
            name: variant.training["history"]
            for name, variant in self._results.variants.items()
            if variant.training and variant.training.get("history")
        }
        return self._there(losses(histories) if histories else None, "variant that was fine-tuned")

    def _threads(self, threads: int | None) -> int:
        timed = self._results.threads
        if threads is not None and threads not in timed:
            counts = ", ".join(map(str, timed))
            raise InputError(f"{threads} threads were not timed.", f"Choose from: {counts}.")
        return timed[0] if threads is None else threads

    def _labelled(self, name: str) -> VariantResult:
        variant = self._results.variant(name)
        if variant.accuracy.top1 is None:
            raise InputError("The photos have no labels.", "Draw sizes, latency or differences.")
        return variant

    def _there(self, figure: go.Figure | None, what: str) -> go.Figure:
        if figure is None:
            raise InputError(f"The run has no {what}.", "Add one to the experiment.")
        return figure
