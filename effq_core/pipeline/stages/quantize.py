"""Stages that make ``.tflite`` files; their functions import TensorFlow."""

from typing import Any

from effq_core.models.catalogue import read_labels
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, TENSORFLOW, stage
from effq_core.quantize.calibration import ActivationStatistics, collect_statistics
from effq_core.store.manifest import FROZEN, LABELS_FILE, MODEL_FILE


@stage("quantize:convert", title="Convert", libraries=TENSORFLOW)
def convert(context: StageContext) -> dict[str, Any]:
    """Converts input ``frozen``. Params: ``form`` (float32, float16, qat)."""
    from effq_core.quantize.convert import convert as convert_frozen

    form = context.params["form"]
    return write_file(context, convert_frozen(context.inputs["frozen"] / FROZEN, form), form=form)


@stage("quantize:calibrate", title="Calibrate", version=2, libraries=LITERT)
def calibrate(context: StageContext) -> dict[str, Any]:
    """Watches the activations of input ``float32`` on input ``calibration``."""
    images, _ = read_pixels(context.inputs["calibration"])
    statistics = collect_statistics(context.inputs["float32"] / MODEL_FILE, images, context)
    statistics.save(context.out)
    return {"images": len(images), "tensors": len(statistics.names)}


@stage("quantize:quantize", kind="convert", title="Convert", libraries=TENSORFLOW)
def quantize(context: StageContext) -> dict[str, Any]:
    """Makes int8 of input ``float32``. Params: ``method``, ``percentile``. Input ``statistics``."""
    from effq_core.quantize.convert import quantize_with_ranges

    params = context.params
    method = params["method"]
    ranges = ActivationStatistics.load(context.inputs["statistics"]).ranges(
        method, params["percentile"]
    )
    float32 = (context.inputs["float32"] / MODEL_FILE).read_bytes()
    return write_file(context, quantize_with_ranges(float32, ranges), form="int8", method=method)


def write_file(context: StageContext, content: bytes, **summary: Any) -> dict[str, Any]:
    """Writes a file and the labels of input ``model`` beside it; returns the stage's summary."""
    (context.out / MODEL_FILE).write_bytes(content)
    text = "".join(f"{label.name}\n" for label in read_labels(context.inputs["model"]))
    (context.out / LABELS_FILE).write_text(text, encoding="utf-8")
    return {**summary, "bytes": len(content)}
