"""The overview: the answer before anything was run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from effq_core.advise.recommend import headline
from effq_core.experiment import Experiment
from effq_core.results import REFERENCE, load_reference
from effq_core.store.database import Database
from effq_core.store.rows import Status
from pages.ui.common.show import escape
from tests.app.conftest import OpenView, words


def test_a_newcomer_sees_the_reference_run_and_one_button(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path)
    assert not app.exception and not app.error
    said = words(app)
    assert "32-bit floats by 8-bit integers" in said
    assert ":material/warning:" in said and "int8 is 3\\.30× smaller" in said
    assert "were timed separately" in said and "Time all files again" not in said
    assert "1,966" in said
    assert [button.label for button in app.button] == ["Why this one", "Run the demo experiment"]
    assert app.get("download_button")  # the file itself, before anything was run
    assert "Latest runs" not in said


def test_the_first_page_recommends_what_the_results_page_does(
    open_view: OpenView, tmp_path: Path
) -> None:
    found = headline(load_reference())
    assert escape(found.text) in words(open_view(tmp_path))
    assert escape(found.text) in words(open_view(tmp_path, "results", REFERENCE))


def test_the_table_has_the_papers_values_with_the_interval_it_lacks(
    open_view: OpenView, tmp_path: Path
) -> None:
    table = open_view(tmp_path).dataframe[0].value
    assert table["paper_top1"][3].startswith("84.0 % (80.5")
    assert table["paper_size"][0] == "27,859 KiB"


def test_runs_are_listed_with_their_status(open_view: OpenView, tmp_path: Path) -> None:
    database = Database(tmp_path / "effq.sqlite3")
    for name, status in (("first", Status.FAILED), ("second", Status.CANCELLED)):
        database.set_status(database.create_run(Experiment(), name), status, error="why")
    database.close()
    labels = [button.label for button in open_view(tmp_path).button]
    assert any("Cancelled · second" in label for label in labels)
    assert any("Failed · first" in label for label in labels)


def test_a_finished_run_leads_to_its_results(open_view: OpenView, tiny_run: Any) -> None:
    app = open_view(tiny_run.home.root)
    assert "Results" in [button.label for button in app.button]


def test_a_run_whose_name_is_markup_is_shown_as_text(open_view: OpenView, tmp_path: Path) -> None:
    database = Database(tmp_path / "effq.sqlite3")
    run = database.create_run(Experiment(), "![x](http://e.x/p.png) **b** :red[r]")
    database.set_status(run, Status.FAILED)
    database.close()
    (label,) = [b.label for b in open_view(tmp_path).button if "Failed" in b.label]
    assert r"\!\[x\]\(" in label and r"\*\*b\*\*" in label and r"\:red\[r\]" in label
