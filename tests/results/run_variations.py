"""Real results changed in one respect: without labels, with float32 only, on another machine."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from effq_core.measure.accuracy import score
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import compare, sentence
from effq_core.results import Results
from effq_core.variants import BASELINE


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
