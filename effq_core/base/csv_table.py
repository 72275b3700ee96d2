"""Rows as CSV that a spreadsheet does not take for formulas."""

import csv
import io
from collections.abc import Iterable, Mapping

Cell = str | int | float | bool | None
Row = Mapping[str, Cell]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet computes


def csv_text(table: Iterable[Row]) -> str:
    """Writes rows as CSV with a header; empty where there are no rows."""
    table = list(table)
    if not table:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in row.items()} for row in table)
    return text.getvalue()


def _harmless(cell: Cell) -> Cell:
    """Keeps a spreadsheet from taking a file's name or a label for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
