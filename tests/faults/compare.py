"""A store after a fault, against the undisturbed run's: the same bytes, nothing half or left."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effq_core.pipeline.stage import LAST
from effq_core.store.manifest import MANIFEST, hash_file
from effq_core.store.rows import Status
from tests.faults.undisturbed import read_manifest
from tests.faults.world import World

TIMED = {"benchmark", LAST}
"""Kinds whose files hold times of day or of a measurement, which no two runs share."""
# Keys of a run's results that hold such times, or what follows from them.
_TIMES = frozenset({"latency", "warnings", "hardware", "seconds", "created"})
# TensorFlow numbers what it writes here as it comes; the variables beside it, and every .tflite
# file made of it, are the same to the byte.
_DESCRIPTIONS = ("saved_model/saved_model.pb", "saved_model/fingerprint.pb")


def differences(made: World, run_id: str, stages: Iterable[str] | None = None) -> list[str]:
    """Compares a finished run with the undisturbed one, byte for byte where no time is involved.

    Args:
        made: The cell.
        run_id: Its run.
        stages: Those to compare; all, where not given.

    Returns:
        What differs; empty where nothing does.
    """
    found = []
    row = made.row(run_id)
    if row.status is not Status.FINISHED or row.results != made.base.run.results:
        found.append(f"The run is {row.status} with the results {row.results}. {row.error}")
    for name in stages or made.base.stages:
        stage = made.base.stages[name]
        ours = made.home.artifacts / stage.kind / stage.fingerprint
        theirs = made.base.folder(name)
        if not (ours / MANIFEST).is_file():
            found.append(f"{name} has no artifact.")
        elif name == LAST:
            if _lasting(ours / "results.json") != _lasting(theirs / "results.json"):
                found.append("The results differ.")
        elif stage.kind not in TIMED:
            found += [f"{name}: {each}" for each in _other_files(ours, theirs)]
    return found


def _lasting(file: Path) -> Any:
    return _without_times(json.loads(file.read_text()))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items() if key not in _TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def _other_files(ours: Path, theirs: Path) -> list[str]:
    mine, other = _hashes(ours), _hashes(theirs)
    described = {path for path in _DESCRIPTIONS if path in mine and path in other}
    return [
        f"{path} differs"
        for path in sorted((mine | other).keys() - described)
        if mine.get(path) != other.get(path)
    ]


def _hashes(folder: Path) -> dict[str, str]:
    return {file["path"]: file["sha256"] for file in read_manifest(folder)["files"]}


def half_artifacts(made: World) -> list[str]:
    """Looks at everything that passes for a finished artifact: names, sizes and hashes."""
    found = []
    for path in sorted(made.home.artifacts.glob("[a-z]*/*")):
        if path.name.startswith("."):
            continue  # nobody takes a temporary folder for an artifact
        if not (path / MANIFEST).is_file():
            found.append(f"{path.parent.name}/{path.name[:8]} has no manifest")
            continue
        listed = _hashes(path)
        there = {
            file.relative_to(path).as_posix()
            for file in path.rglob("*")
            if file.is_file() and file != path / MANIFEST
        }
        if there != set(listed):
            found.append(f"{path.parent.name}/{path.name[:8]} holds {there ^ set(listed)}")
        found += [
            f"{path.parent.name}/{path.name[:8]}/{name} is not what was written"
            for name, sha256 in listed.items()
            if name in there and hash_file(path / name) != sha256
        ]
    return found


def leftovers(made: World) -> list[str]:
    """What a run that has finished must not leave: temporary folders and checkpoints."""
    found = [str(path) for path in made.home.artifacts.glob("*/.tmp-*")]
    return found + [str(path) for path in made.home.scratch.glob("*/*") if path.is_dir()]
