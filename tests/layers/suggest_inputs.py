"""Limits that leave room, and a trial as it is recorded."""

from __future__ import annotations

from typing import Any

from effq_core.base.intervals import proportion
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.layers.trial_record import TrialRecord

ROOMY = Mixed(max_drop_points=4.0, max_extra_size=60.0)


def record(keep: tuple[str, ...], **values: Any) -> TrialRecord:
    plain: dict[str, Any] = {
        "keep": keep,
        "precision": Precision.FLOAT16,
        "size_bytes": 1000 + 20 * len(keep),
        "extra_size": 0.0,
        "n": 1000,
        "top1": proportion(900, 1000),
        "drop_points": 0.0,
        "agreement": proportion(990, 1000),
        "kl": 0.01,
        "latency_ms": 5.0 + len(keep),
        "int8_ms": 5.0,
        "float32_ms": 12.0,
        "busy": False,
        "ok": True,
        "why": "",
    }
    return TrialRecord(**{**plain, **values})
