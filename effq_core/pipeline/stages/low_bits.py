"""Stages that make files of fewer than eight bits; none imports TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import StageError
from effq_core.measure.gates.matrices_equal import MATRICES_FILE, compare_matrices
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, stage
from effq_core.pipeline.stages.measure import write_json
from effq_core.pipeline.stages.quantize import write_file
from effq_core.quantize.low_bits import round_kernels
from effq_core.quantize.moments import collect_moments, load_moments, save_moments
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.matrices import fitting_bits, matrix_products, with_kernels, with_matrices


@stage("low_bits:moments", title="Watch the layers' inputs", libraries=LITERT)
def moments(context: StageContext) -> dict[str, Any]:
    """Watches what enters the matrix products of input ``int8`` on input ``calibration``."""
    path = context.scratch / MODEL_FILE
    path.write_bytes(with_matrices((context.inputs["int8"] / MODEL_FILE).read_bytes()))
    images, _ = read_pixels(context.inputs["calibration"])
    found = collect_moments(path, images, context)
    save_moments(found, context.out)
    return {"images": len(images), "layers": len(found)}


@stage("low_bits:round", kind="convert", title="Convert", libraries=LITERT)
def round_weights(context: StageContext) -> dict[str, Any]:
    """Gives the matrix products of input ``int8`` weights of few bits.

    Params: ``bits``, ``rule``. Inputs ``float32`` and ``model``; ``moments``, where the rule uses
    photos.

    Raises:
        StageError: If the model has no layer whose weights could have so few bits.
    """
    bits, rule = context.params["bits"], context.params["rule"]
    int8 = (context.inputs["int8"] / MODEL_FILE).read_bytes()
    matrices = with_matrices(int8)
    widths = {op.output.name: fitting_bits(op, bits) for op in matrix_products(matrices)}
    narrow = [name for name, width in widths.items() if width < 8]
    if not narrow:
        raise StageError(
            f"The model has no 1×1 convolution or Dense layer that can have {bits}-bit weights.",
            "Leave the variant out: int8 is as small as this model gets.",
        )
    return rounded_file(context, int8, matrices, widths, rule, form=f"int{bits}")


def rounded_file(
    context: StageContext,
    int8: bytes,
    matrices: bytes,
    widths: Mapping[str, int],
    rule: str,
    **summary: Any,
) -> dict[str, Any]:
    """Writes a file whose matrix products have other bits, and that both forms are equal.

    Args:
        context: Of inputs ``float32`` and ``model``; ``moments``, where the rule uses photos.
        int8: The int8 file.
        matrices: The same with matrix products.
        widths: Bits of the products by the name of what they make.
        rule: Name of the rounding rule.
        summary: What the stage's summary tells besides.
    """
    watched = context.inputs.get("moments")
    kernels = round_kernels(
        matrices,
        (context.inputs["float32"] / MODEL_FILE).read_bytes(),
        rule,
        widths,
        load_moments(watched) if watched else None,
        context,
    )
    write_json(context.out / MATRICES_FILE, _compared(context.scratch, int8, matrices))
    content = with_kernels(matrices, kernels)
    return write_file(context, content, rule=rule, layers=len(kernels), **summary)


def _compared(scratch: Path, int8: bytes, matrices: bytes) -> dict[str, Any]:
    paths = scratch / "int8.tflite", scratch / "matrices.tflite"
    for path, content in zip(paths, (int8, matrices), strict=True):
        path.write_bytes(content)
    return compare_matrices(*paths, np.random.default_rng(0))
