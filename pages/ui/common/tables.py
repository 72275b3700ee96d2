"""Tables whose numbers are written as everywhere else, and still sort as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from effq_core.base import formatting as fmt
from effq_core.measure.latency_ratio import MARK

Write = Callable[[Any], str]


def written(
    frame: pd.DataFrame,
    texts: Mapping[str, Write],
    disturbed: Mapping[str, Sequence[bool]] | None = None,
) -> Any:
    """Returns a table for ``st.dataframe`` with some columns written by our own formats.

    The formats of ``NumberColumn`` know no thousands separators but the reader's own, which would
    stand beside ours: a written column's configuration must have no format. Missing values are
    dashes; rows of a column that were timed while other programs were busy are marked.
    """
    shown = {name: write for name, write in texts.items() if name in frame.columns}
    styled = frame.style.format(shown, na_rep=fmt.NOTHING)
    for name, rows in (disturbed or {}).items():
        if name in shown:
            styled = styled.format(
                _marked(shown[name]), subset=(list(rows), name), na_rep=fmt.NOTHING
            )
    return styled


def _marked(write: Write) -> Write:
    return lambda value: write(value) + MARK


def decimals(digits: int) -> Write:
    """Returns what writes a number with so many decimal places."""
    return lambda value: fmt.decimals(value, digits)


PAIR_TEXTS: dict[str, Write] = {
    "points": decimals(2),
    "worse": fmt.count,
    "better": fmt.count,
    "p": fmt.p_number,
    "holm": fmt.p_number,
    "same": decimals(1),
}
"""How the tables of compared variants write their numbers."""
