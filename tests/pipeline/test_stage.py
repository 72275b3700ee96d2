from __future__ import annotations

import dataclasses
import pickle

import pytest

from effq_core.base.errors import StageError
from effq_core.pipeline import stage as module
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import Plan, StageSpec, StageTask, fingerprints, plain

CONVERT = get_stage("quantize:convert")


def spec(name: str, **values: object) -> StageSpec:
    return StageSpec(name=name, **{"stage": CONVERT, **values})  # type: ignore[arg-type]


def named(last: StageSpec, first: StageSpec | None = None) -> str:
    return fingerprints(Plan([first or spec("a"), last]))[last.name]


BASE = spec("b", params={"x": 1, "y": {"z": [1, 2]}}, inputs={"in": "a"})


@pytest.mark.parametrize(
    "change",
    [
        {"params": {"x": 2, "y": {"z": [1, 2]}}},
        {"params": {"x": 1, "y": {"z": [2, 1]}}},
        {"stage": dataclasses.replace(CONVERT, version=2)},
        {"stage": dataclasses.replace(CONVERT, kind="evaluate")},
        {"stage": dataclasses.replace(CONVERT, id="quantize:other")},
        {"stage": dataclasses.replace(CONVERT, libraries=("numpy",))},
        {"extra_libraries": ("scipy",)},
        {"inputs": {"other": "a"}},
        {"inputs": {}},
    ],
    ids=str,
)
def test_a_fingerprint_changes_with_whatever_the_result_depends_on(change: dict) -> None:
    assert named(dataclasses.replace(BASE, **change)) != named(BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "renamed"},
        {"params": {"y": {"z": [1, 2]}, "x": 1}},
        {"weight": 9.0},
        {"exclusive": True},
        {"stage": dataclasses.replace(CONVERT, module="somewhere.else", title="Other words")},
    ],
    ids=str,
)
def test_a_fingerprint_does_not_change_with_anything_else(change: dict) -> None:
    assert named(dataclasses.replace(BASE, **change)) == named(BASE)


def test_a_change_reaches_every_stage_downstream() -> None:
    assert named(BASE, spec("a", stage=dataclasses.replace(CONVERT, version=2))) != named(BASE)


def test_library_versions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    last = spec("b", extra_libraries=("no-such-package",))
    before = named(last)
    monkeypatch.setattr(module, "library_versions", lambda names: dict.fromkeys(names, "0"))
    assert named(last) != before


def test_a_plan_puts_inputs_first() -> None:
    plan = Plan([spec("c", inputs={"x": "b"}), spec("b", inputs={"x": "a"}), spec("a")])
    assert [each.name for each in plan] == ["a", "b", "c"]
    assert len(plan) == 3
    assert plan["b"].inputs == {"x": "a"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([spec("a"), spec("a")], "several stages named a"),
        ([spec("a", inputs={"x": "b"})], "needs b"),
        ([spec("a", inputs={"x": "b"}), spec("b", inputs={"x": "a"})], "wait for each other"),
    ],
)
def test_an_impossible_plan_is_refused(stages: list[StageSpec], message: str) -> None:
    with pytest.raises(StageError, match=message):
        Plan(stages)


def test_parameters_must_be_json() -> None:
    with pytest.raises(StageError, match="JSON"):
        fingerprints(Plan([spec("a", params={"x": object()})]))
    with pytest.raises(StageError, match="JSON"):
        fingerprints(Plan([spec("a", params={"x": float("nan")})]))


def test_a_task_pickles_without_its_code() -> None:
    task = StageTask(
        run_id="r", spec=BASE, fingerprint="f" * 64, inputs={}, home="/h", topic="t" * 8
    )
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301 - our own bytes


def test_results_become_json_values() -> None:
    numpy = pytest.importorskip("numpy")
    value = {"a": numpy.float32(0.5), "b": numpy.arange(2), "c": {3}, "d": (1, 2)}
    assert plain(value) == {"a": 0.5, "b": [0, 1], "c": [3], "d": [1, 2]}
