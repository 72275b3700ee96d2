"""What a layer's width costs: from what it does to the answers, and from its output's error."""

from __future__ import annotations

from collections.abc import Iterable

from effq_core.layers.solve_widths import Table
from effq_core.layers.width_record import LayerWidths, Width, WidthRecord

_TIE = 1e-3
"""Share of the output's error in a cost by the answers: photos on which nothing changed cannot
tell which of two widths is the better one."""


def costs_of(record: WidthRecord) -> dict[str, Table]:
    """Returns tables of costs, each another guess at what the whole will lose, by their names.

    ``answers`` is the divergence that a layer adds by itself. ``answers and outputs`` adds the
    error of its output, in the same unit: small effects are beyond what few photos can tell.
    """
    narrow = [width for layer in record.layers for width in layer.widths if width.kl is not None]
    seen = sum(_added(width, record) for width in narrow)
    scale = seen / max(sum(_error(width, record) for width in narrow), 1e-12) or 1.0
    return {
        "answers": _table(record, scale, _TIE),
        "answers and outputs": _table(record, scale, 1.0),
    }


def _table(record: WidthRecord, scale: float, share: float) -> Table:
    return {layer.name: dict(_costs(layer, record, scale, share)) for layer in record.layers}


def _costs(
    layer: LayerWidths, record: WidthRecord, scale: float, share: float
) -> Iterable[tuple[int, float]]:
    for width in layer.widths:
        if width.bits == 8:
            yield 8, 0.0
            continue
        error = scale * _error(width, record)
        # One that there was no time for is judged by its error alone.
        yield width.bits, error if width.kl is None else _added(width, record) + share * error


def _added(width: Width, record: WidthRecord) -> float:
    return max(0.0, (width.kl or 0.0) - record.baseline_kl)


def _error(width: Width, record: WidthRecord) -> float:
    return width.errors[record.rule]
