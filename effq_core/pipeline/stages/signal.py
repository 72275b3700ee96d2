"""The stage that compares float32's activations with int8's; imports no TensorFlow."""

from __future__ import annotations

from typing import Any

from effq_core.layers.signal import measure_signal
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, stage
from effq_core.store.stage_files import MODEL_FILE


@stage("signal:signal", title="Compare each tensor with float32's", libraries=LITERT)
def signal(context: StageContext) -> dict[str, Any]:
    """Compares input ``int8`` with ``float32`` on input ``evaluation``. Params: ``images``."""
    images, _ = read_pixels(context.inputs["evaluation"])
    record = measure_signal(
        context.inputs["float32"] / MODEL_FILE,
        context.inputs["int8"] / MODEL_FILE,
        images[: context.params["images"]],
        context,
    )
    record.save(context.out)
    return {"images": record.images, "agreed": record.agreed, "tensors": len(record.tensors)}
