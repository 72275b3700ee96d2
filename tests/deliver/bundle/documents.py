"""What ``bench.py`` writes, made from given samples."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from effq_core.results import Results


def timing(
    samples: list[float], threads: int = 1, disturbed: int = 0, share: float | None = 0.02
) -> dict[str, Any]:
    return {
        "threads": threads,
        "warmup": 10,
        "rounds": 4,
        "disturbed": disturbed,
        "others_share": share,
        "load_ms": 20.5,
        "first_invoke_ms": 9.25,
        "cold_start_ms": 29.75,
        "median_ms": float(np.median(samples)),
        "mean_ms": float(np.mean(samples)),
        "p90_ms": float(np.percentile(samples, 90)),
        "p99_ms": float(np.percentile(samples, 99)),
        "min_ms": min(samples),
        "samples_ms": samples,
    }


def document(
    results: Results, variant: str = "int8", device: str = "Board 5", **changes: Any
) -> dict[str, Any]:
    """A document of two thread counts about a variant of a run."""
    rng = np.random.default_rng(3)
    return {
        "format": "effq-device-timings",
        "version": 2,
        "device": device,
        "measured": 1_790_000_000,
        "file": {
            "name": f"{variant}.tflite",
            "bytes": results.variants[variant].file.size_bytes,
            "sha256": results.variants[variant].file.sha256,
        },
        "machine": {
            "cpu": "Cortex-A76",
            "architecture": "aarch64",
            "cores": 4,
            "system": "Linux 6.6",
            "python": "3.11.2",
            "governor": "",
        },
        "versions": {"ai-edge-litert": "2.3.0", "numpy": "2.4.6"},
        "timings": [
            timing(rng.uniform(30, 40, 120).tolist()),
            timing(rng.uniform(20, 25, 100).tolist(), threads=2),
        ],
    } | changes


def older(told: dict[str, Any]) -> dict[str, Any]:
    """The document as ``bench.py`` wrote it before it looked at other programs."""
    new = ("rounds", "disturbed", "others_share")
    timings = [{k: v for k, v in each.items() if k not in new} for each in told["timings"]]
    return told | {"version": 1, "timings": timings}


def disturbed(told: dict[str, Any]) -> dict[str, Any]:
    """The document, had other programs been at work at the first thread count."""
    first, *others = told["timings"]
    return told | {"timings": [first | {"disturbed": 2, "others_share": 0.43}, *others]}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
