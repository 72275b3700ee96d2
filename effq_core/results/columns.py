"""What the columns of the results' table are called, in which order and with which unit."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.measure.latency import MARK
from effq_core.results.document import Results
from effq_core.results.table import Cell, Row


class Group(StrEnum):
    """Columns that belong together, by the name people see."""

    SIZE = "Size"
    ACCURACY = "Accuracy"
    DIFFERENCE = "Difference to float32"
    LATENCY = "Latency"
    FILE = "File and checks"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column."""

    name: str  # as in :func:`effq_core.results.table.rows`
    title: str  # for people, with the unit
    group: Group  # which columns it belongs to
    term: str = ""  # entry of the glossary that explains it; empty where the title says it all
    digits: int | None = 0  # decimal places; ``None`` for text
    threads: int = 0  # thread count the column is about; 0 for others
    # Writes a number where decimal places alone would not do.
    write: Callable[[float | None], str] | None = None
    doubt: str = ""  # column whose ``yes`` says that the value was disturbed; empty where none does

    def text(self, value: Cell) -> str:
        """Writes a value for reading."""
        if value is None or isinstance(value, str) or self.digits is None:
            return fmt.NOTHING if value is None or value == "" else str(value)
        return self.write(value) if self.write else fmt.decimals(value, self.digits)

    def is_disturbed(self, row: Row) -> bool:
        """Returns whether a row's value was made from a disturbed timing."""
        return row.get(self.doubt) == "yes" and row[self.name] is not None

    def text_of(self, row: Row) -> str:
        """Writes a row's value for reading, marked where it was disturbed."""
        return self.text(row[self.name]) + (MARK if self.is_disturbed(row) else "")


def columns(results: Results) -> tuple[Column, ...]:
    """Lists the columns of a run's table, each once, the variant's names left out."""
    return tuple(
        _column(group, threads, *line)
        for group, lines in _LINES.items()
        for threads in (results.threads if group is Group.LATENCY else (0,))
        for line in lines
    )


def _column(
    group: Group, threads: int, name: str, title: str, term: str, digits: int | None
) -> Column:
    start = f"threads_{threads}_" if threads else ""
    return Column(
        name=f"{start}{name}",
        title=title,
        group=group,
        term=term,
        digits=digits,
        threads=threads,
        write=fmt.p_number if name == "mcnemar_p" else None,
        doubt=f"{start}disturbed" if name.startswith("times_faster") else "",
    )


_Line = tuple[str, str, str, int | None]


def _share(name: str, title: str) -> tuple[_Line, ...]:
    return (
        (f"{name}_percent", f"{title}, %", name, 2),
        (f"{name}_low_percent", f"{title}, low end, %", "interval", 2),
        (f"{name}_high_percent", f"{title}, high end, %", "interval", 2),
    )


_LINES: dict[Group, tuple[_Line, ...]] = {
    Group.SIZE: (
        ("size_bytes", "Size, bytes", "size", 0),
        ("size_kib", "Size, KiB", "size", 0),
        ("times_smaller", "× smaller", "compression", 2),
        ("saved_percent", "Saved, %", "", 1),
    ),
    Group.ACCURACY: (
        ("evaluation_images", "n, photos", "n", 0),
        *_share("top1", "Top-1"),
        *_share("top5", "Top-5"),
        ("calibration_error_percent", "Calibration error, %", "calibration_error", 2),
    ),
    Group.DIFFERENCE: (
        ("difference_points", "Δ top-1, points", "", 2),
        ("difference_low_points", "Δ, low end, points", "paired_interval", 2),
        ("difference_high_points", "Δ, high end, points", "paired_interval", 2),
        ("mcnemar_p", "Exact p", "mcnemar", 0),
        ("flips_worse_images", "Worse, photos", "flips", 0),
        ("flips_better_images", "Better, photos", "flips", 0),
        ("detectable_points", "Detectable, points", "detectable", 2),
        ("kl_nats", "KL, nats", "kl", 5),
        ("max_probability_difference", "Largest change of a probability", "", 3),
        *_share("agreement", "Same answer"),
    ),
    Group.LATENCY: (
        ("median_ms", "Median, ms", "median", 3),
        ("median_low_ms", "Median, low end, ms", "median", 3),
        ("median_high_ms", "Median, high end, ms", "median", 3),
        ("mean_ms", "Mean, ms", "latency", 3),
        ("p90_ms", "90 % within, ms", "p90", 3),
        ("p99_ms", "99 % within, ms", "p99", 3),
        ("min_ms", "Fastest, ms", "fastest", 3),
        ("std_ms", "Spread (std), ms", "std", 3),
        ("cold_start_ms", "Cold start, ms", "cold_start", 1),
        ("load_ms", "Loading, ms", "cold_start", 1),
        ("first_invoke_ms", "First photo, ms", "cold_start", 1),
        ("images_per_second", "Photos/s", "throughput", 1),
        ("peak_memory_kib", "Peak memory, KiB", "peak_memory", 0),
        ("times_faster", "× faster", "speedup", 2),
        ("times_faster_low", "× faster, lowest round", "speedup", 2),
        ("times_faster_high", "× faster, highest round", "speedup", 2),
        ("rounds", "Rounds timed together", "rounds", 0),
        ("disturbed", "Disturbed", "disturbed", None),
        ("others_percent", "Other programs, %", "others_share", 1),
    ),
    Group.FILE: (
        ("operators", "Operators", "operators", 0),
        ("delegated_percent", "Delegated, %", "delegated", 1),
        ("delegated_partitions", "Partitions", "partitions", 0),
        ("rounding", "Rounding rule", "rounding", None),
        ("float_tensors", "Float tensors", "", 0),
        ("fake_quant_per_channel", "Fake-quant, per channel", "fake_quant", 0),
        ("fake_quant_per_tensor", "Fake-quant, per tensor", "fake_quant", 0),
        ("best_epoch", "Best epoch", "epochs", 0),
        ("gates_passed", "Checks passed", "gate", 0),
        ("gates_failed", "Checks failed", "gate", 0),
        ("failed_gates", "Failed checks", "gate", None),
        ("sha256", "SHA-256 of the file", "", None),
    ),
}
"""Name, title, term of the glossary and decimal places of each column, in their order."""
