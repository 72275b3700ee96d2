"""Listing and showing runs, for people and as JSON."""

from __future__ import annotations

import json
import time

import pytest

from effq_core.experiment import Experiment
from effq_core.store.database import Database
from effq_core.store.rows import StageRow, StageState, Status


@pytest.fixture
def database(home):
    made = Database(home.database)
    yield made
    made.close()


def test_an_empty_store_says_what_to_do(effq, home) -> None:
    assert "effq run" in effq("runs").stdout
    assert json.loads(effq("runs", "--json").stdout) == []
    assert effq("show").exit_code == 2


def test_runs_lists_each_run_with_its_state(effq, database) -> None:
    first = database.create_run(Experiment(), "mon[day]")
    second = database.create_run(Experiment(dataset="imagenette"))
    database.set_status(first, Status.FAILED, started=1.0, finished=81.0, error="no")

    text, listed = effq("runs").stdout, json.loads(effq("runs", "--json").stdout)

    assert "mon[day]" in text and "1 min 20 s" in text and "imagenette" in text
    assert {run["id"] for run in listed} == {first, second}
    assert "driver_pid" not in listed[0]
    assert len(json.loads(effq("runs", "--json", "--limit", 1).stdout)) == 1


def test_show_tells_every_number_of_a_finished_run(effq, tiny_home, tiny_run) -> None:
    answer = effq("show", tiny_run.run.id)

    assert answer.exit_code == 0
    text = answer.stdout
    for variant in tiny_run.results.variants.values():
        assert variant.title in text
        assert f"{variant.file.size_bytes / 1024:,.0f} KiB" in text
        assert f"{100 * variant.accuracy.top1.share:.1f} %" in text
        if variant.sentence:
            assert variant.sentence in text
    for part in ("1 thread", "2 threads", "Cold start", "Delegated", "Seed 42", "×"):
        assert part in text
    # Kernels decide how fine-tuning ends, and so whether all of its checks hold.
    assert "gates passed" in text or "Gate failed" in text
    assert tiny_run.results.hardware.cpu in text


def test_show_finds_a_run_by_prefix_name_and_latest(effq, tiny_home, tiny_run) -> None:
    shown = {effq("show", name).stdout for name in (tiny_run.run.id[:16], "tiny", "latest")}

    assert len(shown) == 1
    assert effq("show").stdout in shown


def test_show_as_json_is_nothing_but_json(effq, tiny_home, tiny_run) -> None:
    shown = json.loads(effq("show", "--json").stdout)

    assert shown["run"]["id"] == tiny_run.run.id
    assert shown["results"] == tiny_run.results.plain
    assert [row["variant"] for row in shown["rows"]] == list(tiny_run.experiment.variants)
    assert {stage["state"] for stage in shown["stages"]} <= {"done", "reused"}


def test_a_failed_gate_is_shown_with_its_numbers(effq, tiny_home, tiny_run, monkeypatch) -> None:
    from effq_core import results

    plain = json.loads(json.dumps(tiny_run.results.plain))
    gate = plain["variants"]["int8"]["gates"][0]
    gate |= {"passed": False, "detail": "1 of 8 [images] agree."}
    del gate["facts"]  # as of a run from before gates had them: what was stored is shown
    monkeypatch.setattr(results, "load_results", lambda *_: results.Results.from_dict(plain))

    text = effq("show").stdout

    assert f"({gate['name']}). 1 of 8 [images] agree." in text
    assert f"1 of {len(plain['variants']['int8']['gates'])} failed" in text


def test_a_run_that_failed_says_why_and_how_to_go_on(effq, database) -> None:
    run_id = database.create_run(Experiment())
    stage = StageRow(run_id=run_id, name="convert:int8", kind="convert", fingerprint="0" * 64)
    database.upsert_stages([stage])
    database.add_event(run_id, "skipped", "index", key="a.jpg", reason="a.jpg is broken.")
    database.add_event(run_id, "epoch", "finetune:int8_qat", epoch=1, loss=0.5, n=10)
    database.set_status(run_id, Status.FAILED, error="It broke.", hint="Mend it.")

    text = effq("show").stdout

    for part in ("Convert: int8", "a.jpg is broken.", "Epoch 1", "It broke.", "Mend it."):
        assert part in text
    assert f"effq resume {run_id}" in text


def test_a_run_at_work_shows_how_far_it_is(effq, database) -> None:
    run_id = database.create_run(Experiment())
    base = {"run_id": run_id, "fingerprint": "0" * 64}
    database.upsert_stages(
        [
            StageRow(name="index", kind="index", position=0, state=StageState.REUSED, **base),
            StageRow(
                name="evaluate:int8",
                kind="evaluate",
                position=1,
                state=StageState.RUNNING,
                started=time.time(),
                done=30,
                total=600,
                unit="images",
                **base,
            ),
        ]
    )

    assert "30 of 600 images" in effq("show").stdout
    assert "1 of 2 stages" in effq("runs").stdout


def test_the_reference_run_is_shown_where_it_is_bundled(
    effq, home, tiny_run, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("effq_core.results.access.REFERENCE_FOLDER", tmp_path)
    assert effq("show", "reference").exit_code == 2
    (tmp_path / "results.json").write_text(json.dumps(tiny_run.results.plain))

    assert "int8 QAT" in effq("show", "reference").stdout
    assert json.loads(effq("show", "reference", "--json").stdout)["run"] is None
