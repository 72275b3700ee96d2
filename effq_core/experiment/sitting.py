"""Taking the latencies of an experiment once more, all of them in one sitting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from effq_core.experiment import Experiment


def next_sitting(experiment: Experiment, earlier: Iterable[Mapping[str, Any]]) -> Experiment:
    """Asks for the same experiment, with every file timed again.

    Earlier runs keep the timings they have: what differs is the sitting alone.

    Args:
        experiment: Whose latencies are to be taken.
        earlier: What was run before, as plain JSON values.

    Returns:
        The experiment with a sitting no earlier one had.
    """
    plain = replace(experiment, sitting=0)
    wanted = plain.to_dict()
    taken = [
        int(each.get("sitting", 0))
        for each in earlier
        if {name: value for name, value in each.items() if name != "sitting"} == wanted
    ]
    return replace(plain, sitting=max((experiment.sitting, *taken)) + 1)
