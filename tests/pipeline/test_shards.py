"""Evaluations in parts: the same artifact, to the last byte and under the same fingerprint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.pipeline import stage as shards
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import stage_title
from effq_core.pipeline.stage import SHARD_FROM, Plan, StageTask, fingerprints, in_parts
from effq_core.pipeline.stages.measure import part_range
from effq_core.pipeline.worker import run_stage


def task_of(plan: Plan, name: str, home: Home) -> StageTask:
    spec, named = plan[name], fingerprints(plan)
    return StageTask(
        run_id="20260101-000000-abcd",
        spec=spec,
        fingerprint=named[name],
        inputs={known: (plan[at].kind, named[at]) for known, at in spec.inputs.items()},
        home=str(home.root),
        topic="test",
        parts=tuple((plan[at].kind, named[at]) for at in spec.parts),
    )


def run(plan: Plan, name: str, home: Home) -> None:
    outcome = run_stage(task_of(plan, name, home), lambda message: None)
    assert outcome["state"] == "done", outcome


@pytest.mark.parametrize("workers", [2, 7])
def test_parts_make_the_same_artifact_to_the_last_byte(
    tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(shards, "SHARD_FROM", 20)
    plan = build_plan(tiny_run.experiment, tiny_run.home)
    divided = in_parts(plan, set(), workers)
    name, home = "evaluate:int8", Home(tmp_path)
    named = fingerprints(divided)
    assert {each: named[each] for each in fingerprints(plan)} == fingerprints(plan)
    for kind in ("pixels", "convert"):
        shutil.copytree(tiny_run.home.artifacts / kind, home.artifacts / kind)

    for part in divided[name].parts:
        run(divided, part, home)
    run(divided, name, home)

    made = home.artifacts / "evaluate" / named[name]
    whole = tiny_run.home.artifacts / "evaluate" / named[name]
    for file in ("predictions.npz", "accuracy.json"):
        assert (made / file).read_bytes() == (whole / file).read_bytes()
    assert len(list((home.artifacts / "evaluate_part").iterdir())) == workers


def test_a_missing_part_is_said_and_nothing_is_made(
    tiny_run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_FROM", 20)
    plan = in_parts(build_plan(tiny_run.experiment, tiny_run.home), set(), 2)
    home = Home(tmp_path)
    for kind in ("pixels", "convert"):
        shutil.copytree(tiny_run.home.artifacts / kind, home.artifacts / kind)
    run(plan, "evaluate:int8:1of2", home)

    outcome = run_stage(task_of(plan, "evaluate:int8", home), lambda message: None)
    assert outcome["state"] == "failed" and "evaluate_part" in outcome["error"]["message"]
    assert not list((home.artifacts / "evaluate").glob("[0-9a-f]*"))


def test_small_samples_finished_stages_and_one_worker_are_left_whole(tiny_run) -> None:
    plan = build_plan(tiny_run.experiment, tiny_run.home)
    assert tiny_run.experiment.evaluation_size < SHARD_FROM
    assert in_parts(plan, set(), 8) is plan
    from dataclasses import replace

    large = build_plan(replace(tiny_run.experiment, evaluation_size=None), tiny_run.home)
    assert in_parts(large, set(), 1) is large
    every = {spec.name for spec in large}
    assert in_parts(large, every, 3) is large
    some = in_parts(large, every - {"evaluate:int8"}, 3)
    assert len(some) == len(large) + 3 and some["evaluate:int8"].parts


def test_every_image_is_in_one_part_and_none_is_left_out() -> None:
    for n, parts in ((10, 3), (2, 3), (3925, 7), (1, 1)):
        ranges = [part_range(n, part, parts) for part in range(parts)]
        assert [low for low, _ in ranges] == [0, *(high for _, high in ranges[:-1])]
        assert ranges[-1][1] == n
    assert stage_title("evaluate:int8:2of3") == "Evaluate: int8, part 2 of 3"
