"""A run and what it found: frames, charts and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effq_core.advise.recommend import Headline, headline
from effq_core.api.charts import Charts
from effq_core.base.settings import Home
from effq_core.deliver.bundle import write_bundle
from effq_core.deliver.export import export, predictions_rows
from effq_core.experiment import Experiment
from effq_core.results import LATEST, Results, rows
from effq_core.results import open_run as find_results

if TYPE_CHECKING:
    import pandas as pd

_SHORT = ["title", "size_kib", "times_smaller", "top1_percent", "difference_points"]


def frame(table: Sequence[Mapping[str, Any]], index: str) -> pd.DataFrame:
    """Makes a frame of rows that have the same columns; the column ``index`` names them."""
    import pandas as pd

    return pd.DataFrame(list(table)).set_index(index)


@dataclass(frozen=True)
class Run:
    """A finished run; ``reference`` is the bundled one."""

    id: str
    _results: Results = field(repr=False, compare=False)

    @property
    def experiment(self) -> Experiment:
        """What was asked for."""
        return self._results.experiment

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        return self._headline.text

    @property
    def recommended(self) -> str | None:
        """The variant to ship; ``None`` where none can be recommended."""
        return self._headline.variant

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to keep in mind, as sentences."""
        cautions, warnings = self._headline.cautions, self._results.warnings
        return (*(each.text for each in cautions), *(each.text for each in warnings))

    @property
    def table(self) -> pd.DataFrame:
        """A row a variant with every number; a column's name says its unit."""
        return frame(rows(self._results), "variant")

    @property
    def predictions(self) -> pd.DataFrame:
        """A row an evaluation photo: its true class, and each variant's answer and confidence."""
        return frame(predictions_rows(self._results), "image")

    @property
    def gates(self) -> pd.DataFrame:
        """A row a check: the variant, whether it passed, and its numbers."""
        return frame(
            [
                {"variant": about.name if about else "", **gate.to_dict(), "detail": gate.text}
                for about, gate in self._results.checks
            ],
            "variant",
        ).drop(columns="facts")

    @property
    def charts(self) -> Charts:
        """The charts of the Results page, as plotly figures."""
        return Charts(self._results)

    @property
    def files(self) -> dict[str, Path]:
        """Each variant's ``.tflite`` file. Copy what you want to keep: a store can be emptied."""
        return {name: self._results.model_file(name) for name in self._results.with_files}

    def export(self, folder: str | Path, *, force: bool = False) -> list[Path]:
        """Writes results, ``.tflite`` files, labels and how to use them into a folder.

        The folder is made where missing; ``force`` writes into one that holds something.

        Raises:
            InputError: If the folder holds something, or the run has no files.
            StoreError: If a file is damaged, or the folder cannot be written.
        """
        return export(self._results, Path(folder), name=self.id, force=force)

    def bundle(self, variant: str, file: str | Path, *, force: bool = False) -> Path:
        """Writes a zip for a device: a variant's file, labels, a model card, and programs.

        ``force`` replaces a ``.zip`` file that is there.

        Raises:
            InputError: If it is no ``.zip`` or there already, or the run lacks the variant.
            StoreError: If a file is damaged, or the zip cannot be written.
        """
        return write_bundle(self._results, variant, Path(file), run=self.id, force=force)

    @cached_property
    def _headline(self) -> Headline:
        return headline(self._results)

    def _repr_html_(self) -> str:
        from html import escape

        table = self.table[_SHORT].round(2).to_html(na_rep="–")
        return f"<p><b>Run {escape(self.id)}.</b> {escape(self.summary)}</p>{table}"


def open_run(run: str = LATEST) -> Run:
    """Opens a run that has finished.

    Args:
        run: Its id or the start of it, its name, ``latest``, or ``reference`` for the bundled run.

    Raises:
        InputError: If there is no such run, or it has no results.
        StoreError: If its results are damaged.
    """
    return Run(*find_results(Home.from_environment(), run))
