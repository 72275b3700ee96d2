"""A run's lesson on rounding is found by the int8 file whose inputs were watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment.variants import PTQ
from effq_core.learn.access import ROUNDING_STAGE, find_rounding
from effq_core.results import load_reference
from effq_core.store.artifacts import ArtifactStore


def test_what_another_calibration_showed_is_not_taken_for_a_runs_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store = ArtifactStore(home)
    for int8 in ("ab", "cd"):
        watched = {"int8": {"stage": "convert", "fingerprint": int8 * 32}}
        with store.create("moments", int8 * 32, {"inputs": watched}):
            pass
        seen = {"moments": {"stage": "moments", "fingerprint": int8 * 32}}
        with store.create(ROUNDING_STAGE, int8 * 32, {"inputs": seen}):
            pass
    reference = load_reference()
    for int8, found in (("ab", True), ("cd", True), ("ef", False)):
        own = replace(reference.variants[PTQ], artifact=f"convert/{int8 * 32}")
        results = replace(
            reference, folder=home.artifacts, variants=reference.variants | {PTQ: own}
        )
        folder = find_rounding(results)
        assert (folder is not None) is found
        assert folder is None or folder.name == int8 * 32
