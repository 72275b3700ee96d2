"""Tables whose numbers are written as everywhere else, and still sort as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from effq_core import formatting as fmt

Write = Callable[[Any], str]


def written(frame: pd.DataFrame, texts: Mapping[str, Write]) -> Any:
    """Returns a table for ``st.dataframe`` with some columns written by our own formats.

    The formats of ``NumberColumn`` know no thousands separators but the reader's own, which would
    stand beside ours.

    Args:
        frame: The numbers.
        texts: How to write a column; its column configuration must have no format.

    Returns:
        The table; missing values are dashes.
    """
    shown = {name: write for name, write in texts.items() if name in frame.columns}
    return frame.style.format(shown, na_rep=fmt.NOTHING)


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
