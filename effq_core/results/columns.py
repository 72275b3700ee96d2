"""What the columns of the results' table are called, in which order and with which unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.measure.latency_ratio import MARK
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
    timed = tuple(column for threads in results.threads for column in _latency(threads))
    return (*_FIRST, *timed, *_LAST)


def _share(name: str, title: str, group: Group) -> tuple[Column, ...]:
    ends = (("", ""), ("_low", ", low end"), ("_high", ", high end"))
    return tuple(
        Column(
            name=f"{name}{end}_percent",
            title=f"{title}{words}, %",
            group=group,
            term="interval" if end else name,
            digits=2,
        )
        for end, words in ends
    )


_DIFFERENCE = Group.DIFFERENCE
_FIRST = (
    Column(name="size_bytes", title="Size, bytes", group=Group.SIZE, term="size"),
    Column(name="size_kib", title="Size, KiB", group=Group.SIZE, term="size"),
    Column(name="times_smaller", title="× smaller", group=Group.SIZE, term="compression", digits=2),
    Column(name="saved_percent", title="Saved, %", group=Group.SIZE, digits=1),
    Column(name="evaluation_images", title="n, photos", group=Group.ACCURACY, term="n"),
    *_share("top1", "Top-1", Group.ACCURACY),
    *_share("top5", "Top-5", Group.ACCURACY),
    Column(
        name="calibration_error_percent",
        title="Calibration error, %",
        group=Group.ACCURACY,
        term="calibration_error",
        digits=2,
    ),
    Column(name="difference_points", title="Δ top-1, points", group=_DIFFERENCE, digits=2),
    Column(
        name="difference_low_points",
        title="Δ, low end, points",
        group=_DIFFERENCE,
        term="paired_interval",
        digits=2,
    ),
    Column(
        name="difference_high_points",
        title="Δ, high end, points",
        group=_DIFFERENCE,
        term="paired_interval",
        digits=2,
    ),
    Column(
        name="mcnemar_p", title="Exact p", group=_DIFFERENCE, term="mcnemar", write=fmt.p_number
    ),
    Column(name="flips_worse_images", title="Worse, photos", group=_DIFFERENCE, term="flips"),
    Column(name="flips_better_images", title="Better, photos", group=_DIFFERENCE, term="flips"),
    Column(
        name="detectable_points",
        title="Detectable, points",
        group=_DIFFERENCE,
        term="detectable",
        digits=2,
    ),
    Column(name="kl_nats", title="KL, nats", group=_DIFFERENCE, term="kl", digits=5),
    Column(
        name="max_probability_difference",
        title="Largest change of a probability",
        group=_DIFFERENCE,
        digits=3,
    ),
    *_share("agreement", "Same answer", _DIFFERENCE),
)
_LAST = (
    Column(name="operators", title="Operators", group=Group.FILE, term="operators"),
    Column(
        name="delegated_percent",
        title="Delegated, %",
        group=Group.FILE,
        term="delegated",
        digits=1,
    ),
    Column(name="delegated_partitions", title="Partitions", group=Group.FILE, term="partitions"),
    Column(name="float_tensors", title="Float tensors", group=Group.FILE),
    Column(
        name="fake_quant_per_channel",
        title="Fake-quant, per channel",
        group=Group.FILE,
        term="fake_quant",
    ),
    Column(
        name="fake_quant_per_tensor",
        title="Fake-quant, per tensor",
        group=Group.FILE,
        term="fake_quant",
    ),
    Column(name="best_epoch", title="Best epoch", group=Group.FILE, term="epochs"),
    Column(name="gates_passed", title="Checks passed", group=Group.FILE, term="gate"),
    Column(name="gates_failed", title="Checks failed", group=Group.FILE, term="gate"),
    Column(name="failed_gates", title="Failed checks", group=Group.FILE, term="gate", digits=None),
    Column(name="sha256", title="SHA-256 of the file", group=Group.FILE, digits=None),
)
# Name, title, glossary term, decimal places.
_TIMED: tuple[tuple[str, str, str, int | None], ...] = (
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
)


def _latency(threads: int) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=f"threads_{threads}_{name}",
            title=title,
            group=Group.LATENCY,
            term=term,
            digits=digits,
            threads=threads,
            doubt=f"threads_{threads}_disturbed" if name.startswith("times_faster") else "",
        )
        for name, title, term, digits in _TIMED
    )
