"""Stages that measure a ``.tflite`` file; none imports TensorFlow."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import hardware
from effq_core.base.errors import StageError
from effq_core.base.settings import quiet_seconds
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.accuracy import score
from effq_core.measure.gates.xnnpack_vs_reference import KERNELS_FILE, kernels_gate
from effq_core.measure.latency import busy_warning
from effq_core.measure.others import QuietCpu
from effq_core.measure.predictions import Floats, Predictions
from effq_core.measure.sitting import time_together
from effq_core.photos.decode import Pixels
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import TIME_NOW, WAITING_QUIET, StageContext
from effq_core.pipeline.registry import STATISTICS, stage
from effq_core.runtimes.model import ModelPool
from effq_core.runtimes.registry import inspect_file, model_in

PART_FILE = "probabilities.npy"  # answers to a part of the images, float32 (images, classes)
LATENCY_FILE = "latency.json"  # timings of each variant, one a thread count


@stage("measure:inspect", title="Inspect", version=2, libraries=STATISTICS)
def inspect(context: StageContext) -> dict[str, Any]:
    """Lists what is in the file of input ``file``, and compares its kernels on a few images."""
    path = model_in(context.inputs["file"])
    images, _ = read_pixels(context.inputs["evaluation"])
    gate = kernels_gate(path, images, reporter=context)
    write_json(context.out / "file.json", inspect_file(path).to_dict())
    write_json(context.out / KERNELS_FILE, gate.to_dict())
    return {"kernels_agree": gate.passed}


@stage("measure:evaluate", title="Evaluate", libraries=STATISTICS)
def evaluate(context: StageContext) -> dict[str, Any]:
    """Predicts every image of input ``evaluation``.

    Params: ``class_map`` (may be empty); ``ignored``, where an output is no answer. Where the stage
    has parts, their answers are put together in place of predicting.
    """
    images, items = read_pixels(context.inputs["evaluation"])
    labelled = all(item.label is not None for item in items)
    class_map = context.params["class_map"]
    probabilities = _together(context, len(items)) if context.parts else _predict(context, images)
    predictions = Predictions(
        probabilities=probabilities,
        labels=np.array([item.label for item in items], np.int64) if labelled else None,
        class_map=np.array(class_map, np.int64) if class_map and labelled else None,
        keys=[item.key for item in items],
        ignored=context.params.get("ignored"),
    )
    predictions.save(context.out)
    report = score(predictions)
    write_json(context.out / "accuracy.json", report.to_dict())
    return {"n": report.n, "top1": report.top1.share if report.top1 else None}


@stage("measure:evaluate_part", title="Evaluate a part", libraries=STATISTICS)
def evaluate_part(context: StageContext) -> dict[str, Any]:
    """Predicts a run of the images of input ``evaluation``. Params: ``part`` from 0, ``parts``."""
    images, _ = read_pixels(context.inputs["evaluation"])
    part, parts = context.params["part"], context.params["parts"]
    low, high = part_range(len(images), part, parts)
    # A share of a small sample may be empty; a pool cannot tell its shape without an image.
    found = _predict(context, images[low:high]) if high > low else np.zeros((0, 0), np.float32)
    np.save(context.out / PART_FILE, found)
    return {"first": low, "n": high - low}


def part_range(n: int, part: int, parts: int) -> tuple[int, int]:
    """Returns which of ``n`` images a part has: the first, and the one after the last."""
    return n * part // parts, n * (part + 1) // parts


def _predict(context: StageContext, images: Pixels) -> Floats:
    return ModelPool(model_in(context.inputs["file"])).predict_many(images, context)


def _together(context: StageContext, n: int) -> Floats:
    found = [np.load(part / PART_FILE, allow_pickle=False) for part in context.parts]
    whole = np.concatenate([part for part in found if len(part)])
    if len(whole) != n:
        message = f"{len(found)} parts of an evaluation hold {len(whole):,} images of {n:,}."
        raise StageError(message, "Run again: they are made again.")
    return whole


@stage("measure:benchmark", title="Time the files", version=2, libraries=STATISTICS)
def benchmark(context: StageContext) -> dict[str, Any]:
    """Times all inputs' files in one sitting; ``threads`` (a list), ``invocations``, ``host``."""
    found = time_together(
        {name: model_in(folder) for name, folder in context.inputs.items()},
        BASELINE,
        context.params["threads"],
        invocations=context.params["invocations"],
        again=quiet_seconds() > 0,  # in a place never quiet it only takes twice as long
        reporter=context,
        pause=quiet_cpu(context).wait,
    )
    disturbed = [name for name, reports in found.items() if any(r.disturbed for r in reports)]
    if disturbed:
        share = max(report.others_share for name in disturbed for report in found[name])
        names = ", ".join(get_variant(name).title for name in disturbed)
        context.event("warning", message=f"{busy_warning(share)} Disturbed: {names}.")
    reports = {name: [report.to_dict() for report in found[name]] for name in found}
    write_json(context.out / LATENCY_FILE, reports)
    return {
        "median_ms": {
            n: {str(r.threads): r.median_ms for r in reports} for n, reports in found.items()
        },
        "disturbed": disturbed,
        "hardware": hardware.describe().to_dict(),
    }


def quiet_cpu(context: StageContext) -> QuietCpu:
    """Makes what waits for a quiet processor, tells the run, and looks whether not to wait."""
    limit, told = quiet_seconds(), False

    def tell(waits: bool) -> None:
        nonlocal told
        context.link.waiting(WAITING_QUIET if waits else "")
        if waits and not told:
            context.event("quiet_wait", seconds=limit)
            told = True

    return QuietCpu(
        limit,
        asked=lambda: context.link.is_raised(TIME_NOW),
        tell=tell,
        check=context.check_cancelled,
    )


class Patience:
    """A clock that stands still while a quiet processor is waited for: waiting is no search."""

    def __init__(self, wait: Callable[[], bool]) -> None:
        self._wait, self._waited = wait, 0.0

    def wait(self) -> bool:
        """Waits."""
        begun = time.monotonic()
        try:
            return self._wait()
        finally:
            self._waited += time.monotonic() - begun

    def clock(self) -> float:
        """Returns seconds from any moment on, without those waited."""
        return time.monotonic() - self._waited


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> None:
    """Writes JSON values, readable by people and diffs."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads what :func:`write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
