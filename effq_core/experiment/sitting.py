"""Taking the latencies of an experiment once more, all of them in one sitting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from effq_core.experiment import Experiment


def next_sitting(experiment: Experiment, earlier: Iterable[Mapping[str, Any]]) -> Experiment:
    """Asks for the same experiment with a sitting that no earlier one had: other timings."""
    plain = replace(experiment, sitting=0)
    wanted = plain.to_dict()
    taken = [
        int(each.get("sitting", 0))
        for each in earlier
        if {name: value for name, value in each.items() if name != "sitting"} == wanted
    ]
    return replace(plain, sitting=max((experiment.sitting, *taken)) + 1)
