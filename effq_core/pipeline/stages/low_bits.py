"""Stages that make files of fewer than eight bits; only functions import TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import StageError
from effq_core.measure.gates.matrices_equal import MATRICES_FILE, compare_matrices
from effq_core.measure.gates.weight_bits import KEPT_WIDE, LIMIT
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, TENSORFLOW, stage
from effq_core.pipeline.stages.measure import write_json
from effq_core.pipeline.stages.quantize import write_file
from effq_core.quantize.dynamic import MOST_ERROR, dynamic_kernels
from effq_core.quantize.low_bits import round_kernels
from effq_core.quantize.moments import collect_moments, load_moments, save_moments
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.hybrid import with_hybrid_kernels
from effq_core.tflite.matrices import (
    few_bits_problem,
    fitting_bits,
    matrix_products,
    with_integers,
    with_kernels,
    with_matrices,
)
from effq_core.tflite.recipe import RECIPE_FILE


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
    _require_few_bits(int8)
    widths = {op.output.name: fitting_bits(op, bits) for op in matrix_products(matrices)}
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


@stage("low_bits:reconstruct", kind="convert", title="Convert", libraries=(*TENSORFLOW, *LITERT))
def reconstruct(context: StageContext) -> dict[str, Any]:
    """Trains blocks of input ``file`` to give what ``float32``'s do on ``calibration``.

    Params: ``rule``, ``seed``. Input ``model``. The summary tells blocks' errors before and after.
    """
    from effq_core.pipeline.stages.model import fresh_keras
    from effq_core.quantize.reconstruct import Reconstruction

    file, float32 = (
        (context.inputs[role] / MODEL_FILE).read_bytes() for role in ("file", "float32")
    )
    images, _ = read_pixels(context.inputs["calibration"])
    rule, seed = context.params["rule"], context.params["seed"]
    with fresh_keras(seed):
        run = Reconstruction(file, float32, images, context.scratch, context, seed=seed)
        integers = run.run()
    for name in (MATRICES_FILE, RECIPE_FILE):
        if (context.inputs["file"] / name).is_file():  # still true: types and shapes stay
            shutil.copy(context.inputs["file"] / name, context.out / name)
    blocks = [asdict(block) for block in run.blocks]
    content = with_integers(file, integers)
    return write_file(context, content, rule=rule, blocks=blocks, images=len(images))


@stage("low_bits:dynamic", kind="convert", title="Convert", libraries=LITERT)
def dynamic(context: StageContext) -> dict[str, Any]:
    """Gives the layers of input ``float32`` integer weights; activations stay floats.

    Params: ``bits``, 8 or 4. Input ``model``. The summary names the layers that have 8 bits as 4
    would err too much.
    """
    bits = context.params["bits"]
    content = (context.inputs["float32"] / MODEL_FILE).read_bytes()
    if bits < 8:
        _require_few_bits(content)
        content = with_matrices(content)
    chosen = dynamic_kernels(content, bits, context)
    kernels = {name: choice.kernel for name, choice in chosen.items()}
    wide = [name for name, each in chosen.items() if (each.error or 0) > MOST_ERROR]
    content = with_hybrid_kernels(content, kernels)
    told = {KEPT_WIDE: wide, LIMIT: MOST_ERROR}
    return write_file(context, content, form=f"dynamic{bits}", **told)


def _require_few_bits(file: bytes) -> None:
    """Raises ``StageError`` where nothing is gained: added models of earlier versions get here."""
    if problem := few_bits_problem(file):
        raise StageError(
            f"{problem[0].upper()}{problem[1:]}, so no weight can have fewer than 8 bits.",
            "Leave the variant out: with 8 bits this model is as small as it gets.",
        )


def _compared(scratch: Path, int8: bytes, matrices: bytes) -> dict[str, Any]:
    paths = scratch / "int8.tflite", scratch / "matrices.tflite"
    for path, content in zip(paths, (int8, matrices), strict=True):
        path.write_bytes(content)
    return compare_matrices(*paths, np.random.default_rng(0))
