from __future__ import annotations

from effq_core.base.glossary import sections
from effq_core.results import Results, rows
from effq_core.results.columns import Column, Group, columns


def test_every_number_of_a_row_has_a_column_once(reference: Results) -> None:
    names = [column.name for column in columns(reference)]

    assert len(names) == len(set(names))
    assert {*names, "variant", "title"} == set(rows(reference)[0])


def test_every_column_that_names_a_term_has_its_explanation(reference: Results) -> None:
    known = {key for terms in sections().values() for key in terms}
    assert {column.term for column in columns(reference)} - {""} <= known


def test_columns_with_a_unit_in_their_name_say_it_in_their_title(reference: Results) -> None:
    units = {"percent": "%", "points": "points", "ms": "ms", "kib": "KiB", "bytes": "bytes"}
    for column in columns(reference):
        unit = units.get(column.name.rpartition("_")[2])
        assert unit is None or unit in column.title, column


def test_cells_are_written_with_the_columns_decimal_places() -> None:
    column = Column(name="x_ms", title="x, ms", group=Group.LATENCY, digits=2)

    assert column.text(1234.567) == "1,234.57"
    assert column.text(-0.5) == "−0.50"
    assert column.text(None) == "–"
