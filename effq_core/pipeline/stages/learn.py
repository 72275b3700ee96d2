"""The stage that keeps a few tensors for the Learn page; imports no TensorFlow."""

from typing import Any

from effq_core.learn.collect import read_layers, watch_activations
from effq_core.learn.rounding import round_layers
from effq_core.learn.tensors import Activation, Tensors
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, stage
from effq_core.quantize.calibration import ActivationStatistics
from effq_core.quantize.low_bits import float_kernels
from effq_core.quantize.moments import load_moments
from effq_core.store.manifest import MODEL_FILE


@stage("learn:tensors", title="Keep tensors for the Learn page", libraries=LITERT)
def tensors(context: StageContext) -> dict[str, Any]:
    """Keeps kernels of input ``float32`` and, where they are given, what activations did."""
    float32 = context.inputs["float32"] / MODEL_FILE
    activations: tuple[Activation, ...] = ()
    if "statistics" in context.inputs:
        images, _ = read_pixels(context.inputs["calibration"])
        statistics = ActivationStatistics.load(context.inputs["statistics"])
        activations = watch_activations(float32, images, statistics, context)
    kept = Tensors(read_layers(float32), activations)
    kept.save(context.out)
    return {"layers": len(kept.layers), "activations": len(kept.activations)}


@stage("learn:rounding", title="Round some layers for the Learn page", libraries=LITERT)
def rounding(context: StageContext) -> dict[str, Any]:
    """Rounds layers of input ``float32``. Params: ``rules``, ``images``. Input ``moments``."""
    kernels = float_kernels((context.inputs["float32"] / MODEL_FILE).read_bytes())
    seen = load_moments(context.inputs["moments"])
    params = context.params
    found = round_layers(kernels, seen, params["images"], params["rules"], context)
    found.save(context.out)
    return {"layers": len(found.layers)}
