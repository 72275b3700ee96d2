"""When the variants of a run were timed, and what is said where it was not together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effq_core.experiment import Experiment
from effq_core.results.timed import SAME_SITTING, Timed, mixed_text, timings_of
from effq_core.settings import Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState

NOON = 1_700_000_000.0


def timed(title: str, when: float | None = NOON, *, earlier: bool = False) -> Timed:
    return Timed(title=title, when=when, earlier=earlier)


def test_timings_of_one_run_taken_together_need_no_word() -> None:
    assert mixed_text((timed("Float32"), timed("Int8 (PTQ)", NOON + 60))) == ""
    assert mixed_text(()) == ""
    assert mixed_text((timed("Float32", earlier=True), timed("Int8", earlier=True))) == ""


def test_a_cached_timing_beside_a_fresh_one_is_said_with_what_to_do() -> None:
    text = mixed_text(
        (timed("Float32", earlier=True), timed("Float16", earlier=True), timed("Int8 (PTQ)", None))
    )

    assert text.startswith("Float32 and Float16 were timed by an earlier run (20")
    assert ", Int8 (PTQ) by this one: if the machine" in text
    assert "`effq run --remeasure`" in text


def test_cached_timings_of_different_sittings_are_said() -> None:
    first, second = timed("A", earlier=True), timed("B", NOON + SAME_SITTING + 1, earlier=True)

    assert mixed_text((first, second)).startswith("The variants were timed between 20")
    assert mixed_text((first, replace(second, when=NOON + SAME_SITTING))) == ""


def test_the_store_tells_which_timings_an_earlier_run_took(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store, database = ArtifactStore(home), Database(home.database)
    prints = {name: letter * 64 for name, letter in (("float32", "a"), ("int8", "b"), ("r", "c"))}

    def make(kind: str, name: str) -> None:
        with store.create(kind, prints[name], {}) as draft:
            (draft.path / "latency.json").write_text("[]", encoding="utf-8")

    def row(run_id: str, name: str, state: StageState) -> StageRow:
        return StageRow(
            run_id=run_id,
            name=f"benchmark:{name}",
            kind="benchmark",
            fingerprint=prints[name],
            state=state,
        )

    try:
        make("benchmark", "float32")
        run_id = database.create_run(Experiment())
        make("benchmark", "int8")
        make("report", "r")
        # Resumed: the run's own timing is reused by its second half, and is its own all the same.
        database.upsert_stages(
            [row(run_id, name, StageState.REUSED) for name in ("float32", "int8")]
        )
        run = replace(database.get_run(run_id), results=prints["r"])
        found = timings_of(home, database, run)
        assert [(each.title, each.earlier) for each in found] == [
            ("Float32", True),
            ("Int8 (PTQ)", False),
        ]

        # Measured again after the report was written: the report has the numbers of before.
        store.delete("benchmark", prints["int8"])
        make("benchmark", "int8")
        again = timings_of(home, database, run)[1]
        assert again.when is None and again.earlier
    finally:
        database.close()
