"""Stages that measure a ``.tflite`` file; none imports TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from effq_core import hardware
from effq_core.datasets.pixels import read_pixels
from effq_core.measure.accuracy import score
from effq_core.measure.gates import kernels_gate
from effq_core.measure.inspect import inspect_file
from effq_core.measure.latency import measure_latency
from effq_core.measure.predictions import Predictions
from effq_core.measure.runtime import ModelPool
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages.files import MODEL_FILE

KERNEL_IMAGES = 8
"""Images both kernels run; the reference ones take about a second each."""


def inspect(context: StageContext) -> dict[str, Any]:
    """Lists what is in the file of input ``file``, and compares its kernels on a few images."""
    path = context.inputs["file"] / MODEL_FILE
    images, _ = read_pixels(context.inputs["evaluation"])
    gate = kernels_gate(path, np.asarray(images[:KERNEL_IMAGES]), reporter=context)
    write_json(context.out / "file.json", inspect_file(path).to_dict())
    write_json(context.out / "kernels.json", gate.to_dict())
    return {"kernels_agree": gate.passed}


def evaluate(context: StageContext) -> dict[str, Any]:
    """Predicts every image of input ``evaluation``. Params: ``class_map`` (may be empty)."""
    images, items = read_pixels(context.inputs["evaluation"])
    pool = ModelPool(context.inputs["file"] / MODEL_FILE)
    labelled = all(item.label is not None for item in items)
    class_map = context.params["class_map"]
    predictions = Predictions(
        probabilities=pool.predict_many(images, context),
        labels=np.array([item.label for item in items], np.int64) if labelled else None,
        class_map=np.array(class_map, np.int64) if class_map and labelled else None,
        keys=[item.key for item in items],
    )
    predictions.save(context.out)
    report = score(predictions)
    write_json(context.out / "accuracy.json", report.to_dict())
    return {"n": report.n, "top1": report.top1.share if report.top1 else None}


def benchmark(context: StageContext) -> dict[str, Any]:
    """Times the file of input ``file``. Params: ``threads`` (a list), ``invocations``, ``host``."""
    reports = []
    for i, threads in enumerate(context.params["threads"]):
        report = measure_latency(
            context.inputs["file"] / MODEL_FILE,
            threads,
            invocations=context.params["invocations"],
            reporter=context,
        )
        if report.warning:
            context.event("warning", message=report.warning)
        reports.append(report)
        context.progress(i + 1, len(context.params["threads"]), "thread counts")
    write_json(context.out / "latency.json", [report.to_dict() for report in reports])
    return {
        "median_ms": {str(report.threads): report.median_ms for report in reports},
        "hardware": hardware.describe().to_dict(),
    }


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> None:
    """Writes JSON values, readable by people and diffs."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads what :func:`write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
