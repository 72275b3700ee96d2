"""Stages that fit the bits of each layer to a size and a latency; none imports TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from effq_core.base.settings import quiet_seconds
from effq_core.experiment.fitted import Fitted
from effq_core.layers.fit import Known
from effq_core.layers.fit import fit as search
from effq_core.layers.fit_bounds import size_limit, size_of
from effq_core.layers.ledger import Ledger
from effq_core.layers.named_widths import by_layer
from effq_core.layers.solve_widths import Table
from effq_core.layers.trial_files import time_beside_int8
from effq_core.layers.width_costs import costs_of
from effq_core.layers.width_record import WidthRecord
from effq_core.layers.width_trials import WidthBench
from effq_core.layers.widths import WidthMeter, rounded_at_each_width
from effq_core.measure.operator_times import operator_times
from effq_core.measure.predictions import Predictions
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import STATISTICS, stage
from effq_core.pipeline.stages.low_bits import rounded_file
from effq_core.pipeline.stages.measure import Patience, quiet_cpu
from effq_core.quantize.moments import load_moments
from effq_core.runtimes.model import ModelPool
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.cutting import one_operator
from effq_core.tflite.matrices import with_kernels, with_matrices
from effq_core.tflite.network import read_network
from effq_core.tflite.product_layers import Layer, blocks_of, layers_of
from effq_core.tflite.recipe import WidthRecipe

_IMAGES = 150
"""Photos each layer is tried on."""
_TRIAL_IMAGES = 500
"""Photos each fitted file is tried on, at most."""


@stage("low_bits:bounds", title="Check the limits", libraries=STATISTICS)
def bounds(context: StageContext) -> dict[str, Any]:
    """Refuses a size that no file of inputs ``int8`` and ``float32`` has. Params: ``max_size``."""
    int8, matrices, layers = _layers(context)
    found = size_limit(matrices, layers, len(int8), context.params["max_size"])
    return {"size_bytes": found.size_bytes}


@stage("low_bits:widths", title="Try each layer at 4 and 2 bits", libraries=STATISTICS)
def widths(context: StageContext) -> dict[str, Any]:
    """Measures every layer of input ``int8`` at fewer bits.

    Params: ``rule``, ``budget_seconds``. Inputs: ``float32``, ``moments``, ``calibration``.
    """
    _, matrices, _ = _layers(context)
    images, _ = read_pixels(context.inputs["calibration"])
    record = WidthMeter(
        float32=context.inputs["float32"] / MODEL_FILE,
        matrices=matrices,
        moments=load_moments(context.inputs["moments"]),
        images=images[:_IMAGES],
        rule=context.params["rule"],
        budget_seconds=context.params["budget_seconds"],
        scratch=context.scratch,
        reporter=context,
    ).measure()
    record.save(context.out)
    return {"images": record.images, "layers": len(record.layers), "complete": record.complete}


@stage("low_bits:fit", title="Fit the bits to the limits", libraries=STATISTICS)
def fit(context: StageContext) -> dict[str, Any]:
    """Looks for the bits of each layer that lose least within the limits.

    Params: those of :class:`~effq_core.experiment.fitted.Fitted`, ``rule``. Inputs: ``int8``,
    ``float32``, ``moments``, ``widths``, ``calibration``.
    """
    params, inputs = context.params, context.inputs
    int8, matrices, layers = _layers(context)
    limits = replace(
        size_limit(matrices, layers, len(int8), params["max_size"]), slowdown=params["max_slowdown"]
    )
    images, items = read_pixels(inputs["calibration"])
    # What chose a layer's bits by chance should not judge the whole: other photos, if there are.
    own = slice(_IMAGES if len(images) >= 2 * _IMAGES else 0, None)
    images, keys = images[own][:_TRIAL_IMAGES], [item.key for item in items[own][:_TRIAL_IMAGES]]
    float32 = inputs["float32"] / MODEL_FILE
    answers = [
        Predictions(ModelPool(file).predict_many(images, context), None, None, keys)
        for file in (float32, inputs["int8"] / MODEL_FILE)
    ]
    moments, rule = load_moments(inputs["moments"]), params["rule"]
    kernels = rounded_at_each_width(matrices, float32.read_bytes(), rule, moments, context)
    patience = Patience(quiet_cpu(context).wait)
    bench = WidthBench(
        matrices=matrices,
        layers=layers,
        kernels=kernels,
        limits=limits,
        float32=float32,
        int8=inputs["int8"] / MODEL_FILE,
        images=images,
        answers=answers[0],
        int8_answers=answers[1],
        budget_seconds=params["budget_seconds"],
        scratch=context.scratch,
        reporter=context,
        timing=partial(time_beside_int8, again=quiet_seconds() > 0, pause=patience.wait),
        clock=patience.clock,
    )
    sizes = {layer.name: {bits: layer.size_bytes(bits) for bits in layer.bits} for layer in layers}
    fewest = {layer.name: min(layer.bits) for layer in layers}
    fixed = size_of(matrices, layers, fewest) - sum(sizes[n][bits] for n, bits in fewest.items())
    timed = limits.slowdown is not None
    found = search(
        bench,
        Known(
            costs=costs_of(WidthRecord.load(inputs["widths"])),
            sizes=sizes,
            fixed_bytes=fixed,
            times=_times(context, matrices, layers, kernels, patience) if timed else None,
        ),
        limits,
        float32_bytes=float32.stat().st_size,
        progress=lambda done, total: context.progress(done, total, "files"),
    )
    found.save(context.out)
    _recipe(layers, found.choice.widths or {}, rule, suggested=True).save(context.out)
    return {"met": found.met, "sentence": found.sentence}


@stage("low_bits:round_widths", kind="convert", title="Convert", libraries=STATISTICS)
def round_widths(context: StageContext) -> dict[str, Any]:
    """Gives each layer of input ``int8`` weights of its own bits.

    Params: ``widths`` of blocks, layers and groups, ``rule``. Inputs ``float32``, ``model`` and,
    where the bits were looked for, ``recipe``; ``moments``, where the rule uses photos.
    """
    int8, matrices, layers = _layers(context)
    recipe = (
        WidthRecipe.load(context.inputs["recipe"])
        if "recipe" in context.inputs
        else _recipe(
            layers,
            by_layer(
                layers,
                read_network(context.inputs["float32"] / MODEL_FILE),
                Fitted(widths=tuple(context.params["widths"])).named,
            ),
            context.params["rule"],
            suggested=False,
        )
    )
    recipe.save(context.out)
    said = context.summaries["recipe"]["sentence"] if recipe.suggested else ""
    chosen = {layer.tensor: recipe.widths[layer.name] for layer in layers}
    return rounded_file(
        context,
        int8,
        matrices,
        chosen,
        recipe.rule,
        form="fitted",
        sentence=said,
        blocks=dict(recipe.blocks),
    )


def _layers(context: StageContext) -> tuple[bytes, bytes, tuple[Layer, ...]]:
    int8 = (context.inputs["int8"] / MODEL_FILE).read_bytes()
    matrices = with_matrices(int8)
    network = read_network(context.inputs["float32"] / MODEL_FILE)
    return int8, matrices, layers_of(matrices, network)


def _recipe(
    layers: tuple[Layer, ...], chosen: Mapping[str, int], rule: str, *, suggested: bool
) -> WidthRecipe:
    return WidthRecipe(
        widths=chosen, blocks=blocks_of(layers, chosen), rule=rule, suggested=suggested
    )


def _times(
    context: StageContext,
    matrices: bytes,
    layers: tuple[Layer, ...],
    kernels: Mapping[int, Mapping[str, Any]],
    patience: Patience,
) -> Table:
    """Times layers of each shape at each width, each as a file of its own."""
    files: dict[str, Any] = {}
    keys: dict[str, dict[int, str]] = {}
    wide = {bits: with_kernels(matrices, each) for bits, each in kernels.items()} | {8: matrices}
    for layer in layers:
        positions = int(np.prod(layer.op.output.shape[:-1]))
        shape = layer.op.kernel.shape if layer.op.kernel else ()
        keys[layer.name] = {bits: f"{positions}x{shape}@{bits}" for bits in layer.bits}
        for bits, key in keys[layer.name].items():
            if key not in files:
                files[key] = context.scratch / f"{len(files)}.tflite"
                files[key].write_bytes(one_operator(wide[bits], layer.op.index))

    def measured() -> dict[str, float]:
        patience.wait()
        return operator_times(files, context)

    # Kept like the trials: a killed search goes on with the same times.
    times = Ledger(context.scratch, "times.json").get("operators", measured)
    return {name: {bits: times[key] for bits, key in each.items()} for name, each in keys.items()}
