"""How long a run still takes, and what holds it up."""

import math
import time
from collections.abc import Sequence

from effq_core.store.rows import StageRow, StageState

_MINIMUM_SHARE = 0.02
_ALONE = "benchmark"  # kind of the stages that have the cores for themselves


def remaining(stages: Sequence[StageRow], now: float | None = None) -> float | None:
    """Estimates the seconds until a run ends, by the pace of its own finished stages."""
    if not stages:
        return None
    now = time.time() if now is None else now
    scale = _scale(stages)
    alone = together = 0.0
    at_once = 0
    for stage in stages:
        if stage.state == StageState.PENDING:
            seconds = stage.weight * scale
        elif stage.state == StageState.RUNNING:
            seconds = _of_running(stage, now, scale)
            at_once += stage.kind != _ALONE
        else:
            continue
        if stage.kind == _ALONE:
            alone += seconds
        else:
            together += seconds
    return alone + together / max(1, at_once)


def share_done(stages: Sequence[StageRow]) -> float:
    """Tells how much of a run is done, 0 to 1, each stage by the time it is expected to take."""
    total = sum(stage.weight for stage in stages)
    if total <= 0:
        return 0.0
    return min(1.0, sum(stage.weight * stage_share(stage) for stage in stages) / total)


def stage_share(stage: StageRow) -> float:
    """Tells how much of a stage is behind it, 0 to 1."""
    if stage.state.is_complete:
        return 1.0
    return min(1.0, stage.done / stage.total) if stage.total else 0.0


def waiting_for(stages: Sequence[StageRow]) -> str:
    """Says what a run waits for while none of its stages runs; empty where nothing is known."""
    if any(stage.state is StageState.RUNNING for stage in stages):
        return ""
    pending = (stage.detail for stage in stages if stage.state is StageState.PENDING)
    return next(filter(None, pending), "")


def _scale(stages: Sequence[StageRow]) -> float:
    done = [
        (stage.finished - stage.started, stage.weight)
        for stage in stages
        if stage.state == StageState.DONE and stage.started and stage.finished
    ]
    expected = sum(weight for _, weight in done)
    # A little of the estimate itself stays in, so that one quick first stage decides nothing.
    prior = 0.1 * sum(stage.weight for stage in stages)
    if expected <= 0:
        return 1.0
    return (sum(max(0.0, seconds) for seconds, _ in done) + prior) / (expected + prior)


def _of_running(stage: StageRow, now: float, scale: float) -> float:
    elapsed = max(0.0, now - stage.started) if stage.started else 0.0
    from_estimate = max(stage.weight * scale - elapsed, 0.05 * stage.weight * scale)
    if stage.total <= 0 or stage.done <= 0:
        return from_estimate
    share = min(1.0, stage.done / stage.total)
    from_rate = elapsed * (1 - share) / max(share, _MINIMUM_SHARE)
    trust = math.sqrt(share)  # early progress is mostly start-up: trust it as far as it has come
    return trust * from_rate + (1 - trust) * from_estimate
