"""Small stages and plans that real workers run in tests."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from effq_core.base.errors import DatasetError
from effq_core.pipeline.registry import get_stage, stage
from effq_core.pipeline.stage import Plan, StageSpec


def _count(context: Any, name: str) -> None:
    """Leaves a mark outside the store for every time a stage really works."""
    folder = context.home.root / "marks"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}-{time.monotonic_ns()}").write_text(str(os.getpid()))


@stage("tests:write_number", title="Write number")
def write_number(context: Any) -> dict[str, Any]:
    _count(context, f"number{context.params['value']}")
    (context.out / "number.txt").write_text(str(context.params["value"]))
    context.progress(1, 1, "numbers")
    context.event("wrote", value=context.params["value"], stage="x", kind_="y")
    return {"value": context.params["value"]}


@stage("tests:add", title="Add")
def add(context: Any) -> dict[str, Any]:
    _count(context, "report")
    total = sum(int((path / "number.txt").read_text()) for path in context.inputs.values())
    assert total == sum(summary["value"] for summary in context.summaries.values())
    (context.out / "sum.json").write_text(json.dumps(total))
    return {"value": total}


@stage("tests:epochs", title="Epochs")
def epochs(context: Any) -> dict[str, Any]:
    """Works in steps with a checkpoint each, like training."""
    checkpoint = context.scratch / "epoch.txt"
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    context.event("resumed", epoch=first)
    for epoch in range(first, context.params["epochs"]):
        _count(context, f"epoch{epoch}")
        end = time.monotonic() + context.params["seconds"]
        while time.monotonic() < end:
            context.check_cancelled()
            time.sleep(0.02)
        checkpoint.write_text(str(epoch + 1))
        context.progress(epoch + 1, context.params["epochs"], "epochs")
    (context.out / "number.txt").write_text("7")
    return {"value": 7, "resumed_at": first}


_HELD: list[bytearray] = []


@stage("tests:hold", title="Hold")
def hold(context: Any) -> dict[str, Any]:
    """Keeps memory and leaves a file in the temporary folder, as TensorFlow does."""
    _HELD.append(bytearray(os.urandom(1 << 20) * 300))
    (handle, name) = tempfile.mkstemp()
    os.close(handle)
    folder = context.home.root / "marks"
    folder.mkdir(exist_ok=True)
    (folder / f"hold-{time.monotonic_ns()}").write_text(f"{os.getpid()} {name}")
    (context.out / "number.txt").write_text("1")
    return {"value": 1}


@stage("tests:stubborn", title="Stubborn")
def stubborn(context: Any) -> dict[str, Any]:
    """Never looks whether it should stop."""
    _count(context, "stubborn")
    (context.home.root / "marks" / "stubborn-pid").write_text(str(os.getpid()))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        sum(range(1000))
    return {"value": 0}


@stage("tests:deaf", title="Deaf")
def deaf(context: Any) -> dict[str, Any]:
    """Holds the interpreter, as a long call into a C library does."""
    _count(context, "deaf")
    ctypes.PyDLL(None).sleep(30)
    return {"value": 0}


@stage("tests:fill_disk", title="Fill disk")
def fill_disk(context: Any) -> dict[str, Any]:
    (context.out / "big.bin").write_bytes(b"x" * 20_000_000)
    return {"value": 0}


@stage("tests:fill_disk_for_good", title="Fill disk for good")
def fill_disk_for_good(context: Any) -> dict[str, Any]:
    """Somebody else's file takes all there is, and stays."""
    with (context.home.root.parent / "ballast").open("wb", buffering=0) as file:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    (context.out / "number.txt").write_text("1")
    return {"value": 1}


@stage("tests:die_once", title="Die once")
def die_once(context: Any) -> dict[str, Any]:
    mark = context.scratch / "died"
    if not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    (context.out / "number.txt").write_text("1")
    return {"value": 1}


@stage("tests:die", title="Die")
def die(context: Any) -> dict[str, Any]:
    _count(context, "die")
    os._exit(9)


@stage("tests:bad_input", title="Bad input")
def bad_input(context: Any) -> dict[str, Any]:
    (context.out / "half.bin").write_bytes(b"x" * 100)
    raise DatasetError("The folder photos has 3 images.", "Add at least 10.")


@stage("tests:bug", title="Bug")
def bug(context: Any) -> dict[str, Any]:
    raise KeyError("nobody expected this")


@stage("tests:environment", title="Environment")
def environment(context: Any) -> dict[str, Any]:
    with Path("/proc/self/environ").open() as file:  # as it was when the process started
        pairs = (pair.partition("=") for pair in file.read().split("\0"))
        return {"value": 0, "environ": {name: value for name, _, value in pairs}}


@stage("tests:measure", title="Measure")
def measure(context: Any) -> dict[str, Any]:
    begun = time.time()
    time.sleep(0.4)
    return {"value": 0, "begun": begun, "ended": time.time()}


def spec(name: str, function: str, **values: Any) -> StageSpec:
    made = replace(get_stage(f"tests:{function}"), kind=name.partition(":")[0])
    return StageSpec(name=name, stage=made, **values)


def one(name: str, function: str, **values: Any) -> Plan:
    """A number, then the stage under test, then the report."""
    return Plan(
        [
            spec("number:1", "write_number", params={"value": 1}),
            spec(name, function, inputs={"number": "number:1"}, **values),
            spec("report", "add", inputs={"a": "number:1", "b": name}),
        ]
    )


def numbers_plan(experiment: Any, home: Any) -> Plan:
    return Plan(
        [
            spec("number:1", "write_number", params={"value": 1}),
            spec("number:2", "write_number", params={"value": 2}),
            spec("report", "add", inputs={"a": "number:1", "b": "number:2"}),
        ]
    )


def epochs_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "epochs", params={"epochs": 4, "seconds": 0.4})


def slow_epochs_plan(experiment: Any, home: Any) -> Plan:
    """Lasts longer than a worker needs to notice that its driver is dead."""
    return one("train", "epochs", params={"epochs": 6, "seconds": 0.6})


def long_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "epochs", params={"epochs": 3, "seconds": 30})


def hold_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "hold", params={"seed": experiment.seed})


def stubborn_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "stubborn")


def deaf_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "deaf")


def fill_disk_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "fill_disk")


def full_disk_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "fill_disk_for_good")


def die_once_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "die_once")


def die_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "die")


def bad_input_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "bad_input")


def bug_plan(experiment: Any, home: Any) -> Plan:
    return one("train", "bug")


def environment_plan(experiment: Any, home: Any) -> Plan:
    return Plan([spec("report", "environment")])
