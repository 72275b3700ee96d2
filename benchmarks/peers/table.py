"""The comparison as one markdown table, with the conditions it was measured under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers.job import Entry
from benchmarks.peers.latency import Timing
from benchmarks.peers.runtimes import TITLES
from benchmarks.peers.scoring import Score
from effq_core.base import formatting as text


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line.

    Attributes:
        entry: What was measured.
        size_bytes: Of its files; ``None`` where there is none.
        score: How it answers; ``None`` where there is no file.
        timings: By thread count; empty before latency was measured.
    """

    entry: Entry
    size_bytes: int | None = None
    score: Score | None = None
    timings: Mapping[int, Timing] = field(default_factory=dict)


def render(rows: Sequence[Row], threads: Sequence[int], caption: str) -> str:
    """Writes the table.

    Args:
        rows: The lines, in order.
        threads: Thread counts, a column each.
        caption: Under what conditions; see :func:`conditions`.

    Returns:
        Markdown.
    """
    head = ["Tool", "What", "Runs on", "Top-1 (95 %)", "Against float32 (p)", "Same answer", "KiB"]
    head += [f"{text.counted(count, 'thread')}, ms" for count in threads]
    lines = [caption, "", _line(head), _line(["---"] * 6 + ["---:"] * (len(head) - 6))]
    lines += [_line(_cells(row, threads)) for row in rows]
    notes = _notes(rows)
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def conditions(plain: Mapping[str, Any]) -> str:
    """Says what was measured, where and how.

    Args:
        plain: ``model``, ``images`` and ``dataset``, ``calibration``, ``image_size``, ``hardware``,
            ``versions``, and ``latency`` as :func:`benchmarks.peers.latency.measure` gives it or
            ``None``.

    Returns:
        A paragraph.
    """
    machine = plain["hardware"]
    flags = ", ".join(machine["flags"])
    versions = ", ".join(f"{name} {version}" for name, version in plain["versions"].items())
    parts = [
        f"{plain['model']} at {plain['image_size']} px, {plain['dataset']}: "
        f"{text.counted(plain['images'], 'evaluation image')}, "
        f"{text.counted(plain['calibration'], 'calibration image')} (no image in both, the same "
        f"for every tool), seed {plain['seed']}.",
        f"{machine['cpu']}, {text.counted(machine['logical_cores'], 'core')} ({flags}), "
        f"{machine['system']}, Python {machine['python']}; {versions}.",
        "Top-1 with its Wilson 95 % interval; the difference is paired, p by the exact McNemar "
        "test; same answer: share of images with float32's class.",
    ]
    if (latency := plain["latency"]) is not None:
        before, after = (text.decimals(value, 2) for value in latency["load_average"])
        parts.append(
            f"Latency: median of {latency['rounds']} × {latency['invocations']} invocations "
            f"after {latency['warmup']} of warm-up, in brackets the lowest and highest median of "
            f"a round; fresh processes in alternating order; load average {before} before, "
            f"{after} after."
        )
        if latency["busy"]:
            parts.append(
                f"**Other processes used the cores during {latency['busy']} of "
                f"{latency['probes']} timings: the times are too long.**"
            )
    return " ".join(parts)


def _cells(row: Row, threads: Sequence[int]) -> list[str]:
    entry = row.entry
    if entry.error:
        cells = [entry.tool, entry.settings, "refused, see below", *[text.NOTHING] * 4]
        return cells + [text.NOTHING] * len(threads)
    top1 = comparison = None
    if row.score is not None:
        top1, comparison = row.score.top1, row.score.comparison
    return [
        entry.tool,
        entry.settings,
        TITLES[entry.runtime],
        text.NOTHING if top1 is None else text.share_with_interval(top1.share, top1.low, top1.high),
        _difference(comparison),
        text.NOTHING if comparison is None else text.percent(comparison.agreement.share),
        text.NOTHING if row.size_bytes is None else text.count(row.size_bytes / text.KIB),
        *(_time(row.timings.get(count)) for count in threads),
    ]


def _difference(comparison: Any) -> str:
    if comparison is None or comparison.p is None:
        return text.NOTHING
    flips = f"{text.count(comparison.worse)} worse, {text.count(comparison.better)} better"
    return f"{text.points(comparison.difference_points)} ({flips}; {text.p_value(comparison.p)})"


def _time(timing: Timing | None) -> str:
    if timing is None:
        return text.NOTHING
    low, high = timing.spread_ms
    mark = "" if timing.kept_to_its_threads else " †"
    figures = [text.decimals(value, 1) for value in (timing.median_ms, low, high)]
    return f"{figures[0]} ({figures[1]}–{figures[2]}){mark}"


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = []
    for row in rows:
        said = [*row.entry.notes, *([f"`{_flat(row.entry.error)}`"] if row.entry.error else [])]
        notes += [f"- {row.entry.tool}, {row.entry.settings}: {_flat(note)}" for note in said]
    if any(not each.kept_to_its_threads for row in rows for each in row.timings.values()):
        notes.append("- † its process used more cores than it was given threads.")
    return notes


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_flat(cell).replace("|", "\\|") for cell in cells) + " |"


def _flat(words: str) -> str:
    """Keeps a tool's own words on one line."""
    return " ".join(words.split())
