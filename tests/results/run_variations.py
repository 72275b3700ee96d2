"""Real results changed in one respect: without labels, with float32 only, on another machine."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE
from effq_core.measure.accuracy import score
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import compare, sentence
from effq_core.results import RESULTS_FILE, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import Status

SHIPPED = ("float32", "float16", "dynamic_range", "int8", "int8_qat")
"""The variants whose files come with the reference run, and that the paper has."""


def changed(results: Results, change: Callable[[dict[str, Any]], None]) -> Results:
    """Results whose document was changed, with the same stored answers."""
    plain = copy.deepcopy(results.plain)
    change(plain)
    return Results.from_dict(plain, results.folder)


def only(results: Results, *names: str) -> Results:
    """The same run with fewer variants."""

    def keep(plain: dict[str, Any]) -> None:
        plain["variants"] = {name: plain["variants"][name] for name in names}
        plain["experiment"]["variants"] = list(names)

    return changed(results, keep)


def together(results: Results, busy: Mapping[str, float] | None = None) -> Results:
    """The same timings as if they had been taken in five rounds of one sitting.

    Args:
        results: The run's.
        busy: Share of the processor others used in the last round, by variant.
    """

    def sit(plain: dict[str, Any]) -> None:
        for name, values in plain["variants"].items():
            for timing in values["latency"]:
                share = (busy or {}).get(name, timing["others_share"])
                timing |= {"sitting": "s", "others_share": share}
                each = len(timing["samples_ms"]) // 5
                timing["rounds"] = [
                    {"number": n, "samples": each, "others_share": share if n == 5 else 0.01}
                    for n in range(1, 6)
                ]

    return changed(results, sit)


def steady(results: Results) -> Results:
    """The same timings in five rounds of one sitting, each as fast as the other."""

    def even(plain: dict[str, Any]) -> None:
        for variant in plain["variants"].values():
            for each in variant["latency"]:
                each.update(samples_ms=[each["median_ms"]] * 100, p90_ms=each["median_ms"])

    return together(changed(results, even))


def unlabelled(results: Results, folder: Path) -> Results:
    """The same answers scored as those to photos without labels; written into a folder."""
    answers = {}
    for name in results.variants:
        found = results.predictions(name)
        answers[name] = Predictions(found.probabilities, None, None, found.keys)
        answers[name].save(folder / "evaluate" / name)
    plain = copy.deepcopy(results.plain)
    plain["head_use"] = "unlabelled"
    plain["dataset"]["class_names"] = []
    for name, values in plain["variants"].items():
        values |= {"predictions": f"evaluate/{name}", "artifact": ""}
        values["accuracy"] = score(answers[name]).to_dict()
        if name != BASELINE:
            comparison = compare(answers[BASELINE], answers[name])
            values["comparison"] = comparison.to_dict()
            values["sentence"] = sentence(comparison, BASELINE, name)
        if values["training"] and values["training"].get("history"):
            for entry in values["training"]["history"]:
                entry["validation_top1"] = None
    return Results.from_dict(plain, folder)


def store_run(results: Results, home: Home, name: str) -> str:
    """Puts results into a store as those of a finished run, with their answers but no files.

    Returns:
        The run's id.
    """
    plain = copy.deepcopy(results.plain)
    fingerprint = hashlib.sha256(json.dumps([plain, name]).encode()).hexdigest()
    for variant, values in plain["variants"].items():
        values |= {"predictions": f"evaluate/{fingerprint[:12]}-{variant}", "artifact": ""}
        results.predictions(variant).save(home.artifacts / values["predictions"])
    with ArtifactStore(home).create("report", fingerprint, {}) as draft:
        (draft.path / RESULTS_FILE).write_text(json.dumps(plain), encoding="utf-8")
    database = Database(home.database)
    try:
        run_id = database.create_run(results.experiment, name)
        database.set_status(run_id, Status.FINISHED, results=fingerprint)
    finally:
        database.close()
    return run_id
