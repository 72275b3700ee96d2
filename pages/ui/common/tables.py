"""Tables whose numbers are written as everywhere else, and still sort as numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.measure.latency import MARK
from effq_core.measure.statistics import Comparison

Write = Callable[[Any], str]


def written(
    frame: pd.DataFrame,
    texts: Mapping[str, Write],
    disturbed: Mapping[str, Sequence[bool]] | None = None,
) -> Any:
    """Returns a table for ``st.dataframe`` with some columns written by our own formats.

    Their configuration must have no format. Missing values are dashes, disturbed timings marked.
    """
    shown = {name: write for name, write in texts.items() if name in frame.columns}
    styled = frame.style.format(shown, na_rep=fmt.NOTHING)
    for name, rows in (disturbed or {}).items():
        if name in shown:
            styled = styled.format(
                _marked(shown[name]), subset=(list(rows), name), na_rep=fmt.NOTHING
            )
    return styled


def show_table(
    frame: pd.DataFrame,
    texts: Mapping[str, Write],
    columns: Mapping[str, Any],
    *,
    key: str,
    alt: str,
    disturbed: Mapping[str, Sequence[bool]] | None = None,
    **more: Any,
) -> None:
    """Draws a table of these columns, in their order: see :func:`written`."""
    st.dataframe(
        written(frame, texts, disturbed),
        column_config=columns,
        column_order=list(columns),
        hide_index=True,
        key=key,
        alt=alt,
        **more,
    )


def _marked(write: Write) -> Write:
    return lambda value: write(value) + MARK


def decimals(digits: int) -> Write:
    """Returns what writes a number with so many decimal places."""
    return lambda value: fmt.decimals(value, digits)


def show_pairs(
    labels: Mapping[str, str],
    pairs: Sequence[tuple[Sequence[str], Comparison, float | None]],
    *,
    key: str,
    alt: str,
) -> None:
    """Draws a table of compared variants: what each pair is, the comparison, p for all pairs."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    first, *others = labels
    columns: dict[str, Any] = {first: text(labels[first], pinned=True)}
    columns |= {name: text(labels[name]) for name in others}
    if pairs[0][1].p is not None:
        columns |= {
            "points": number("Difference, points", help=tip("paired_interval")),
            "worse": number("Worse, photos", help=tip("flips")),
            "better": number("Better, photos", help=tip("flips")),
            "p": number("Exact p", help=tip("mcnemar")),
        }
    if pairs[0][2] is not None:
        columns["holm"] = number("p, all pairs", help=tip("holm"))
    columns["same"] = number("Same answer, %", help=tip("agreement"))
    rows = [
        {
            **dict(zip(labels, names, strict=True)),
            "points": found.difference_points,
            "worse": found.worse,
            "better": found.better,
            "p": found.p,
            "holm": adjusted,
            "same": 100 * found.agreement.share,
        }
        for names, found, adjusted in pairs
    ]
    show_table(pd.DataFrame(rows), _PAIR_TEXTS, columns, key=key, alt=alt)


_PAIR_TEXTS: dict[str, Write] = {
    "points": decimals(2),
    "worse": fmt.count,
    "better": fmt.count,
    "p": fmt.p_number,
    "holm": fmt.p_number,
    "same": decimals(1),
}
