"""How long single operators take: files of one operator, timed in turn in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from effq_core.base.reporting import Reporter
from effq_core.runtimes.registry import open_session

_ROUNDS = 12
_WARMUP = 20
_INVOCATIONS = 15
_KEPT = 0.25
"""Share of the invocations that count, the fastest ones: others were disturbed."""


def operator_times(files: Mapping[str, Path], reporter: Reporter) -> dict[str, float]:
    """Times files on one thread, round by round in changing order.

    Args:
        files: Files of one operator by any name.

    Returns:
        Milliseconds of an invocation by name.

    Raises:
        Cancelled: If the user asked to stop.
    """
    random = np.random.default_rng(0)
    sessions = {name: open_session(path) for name, path in files.items()}
    samples: dict[str, list[float]] = {name: [] for name in files}
    for session in sessions.values():
        entering = session.inputs[0]
        session.feed(random.integers(-128, 128, entering.shape).astype(entering.dtype))
    for done in range(_ROUNDS):
        reporter.check_cancelled()
        for number in random.permutation(len(sessions)):
            name = list(sessions)[number]
            if not done:
                sessions[name].time(_WARMUP)
            samples[name] += sessions[name].time(_INVOCATIONS)
        reporter.progress(done + 1, _ROUNDS, "rounds")
    return {name: _fastest(each) for name, each in samples.items()}


def _fastest(samples: list[float]) -> float:
    return float(np.mean(sorted(samples)[: max(1, round(_KEPT * len(samples)))]))
