"""Stages that try blocks in other precisions, and mix them (import TensorFlow)."""

from __future__ import annotations

from typing import Any

from effq_core.experiment import CalibrationMethod
from effq_core.layers.recipe import Recipe
from effq_core.layers.settings import Precision
from effq_core.layers.structure import read_network
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages.files import MODEL_FILE
from effq_core.pipeline.stages.quantize import write_file
from effq_core.quantize.calibration import ActivationStatistics, Ranges
from effq_core.quantize.mixed import quantize_mixed


def mix(context: StageContext) -> dict[str, Any]:
    """Makes int8 of input ``float32`` with some blocks in floats.

    Params: ``keep``, ``precision``, ``method``, ``percentile``. Inputs: ``float32``,
    ``statistics``, ``model`` and, where the blocks were looked for, ``recipe``.
    """
    params = context.params
    recipe = (
        Recipe.load(context.inputs["recipe"])
        if "recipe" in context.inputs
        else Recipe(
            keep=tuple(params["keep"]),
            precision=Precision(params["precision"]),
            method=params["method"],
            percentile=params["percentile"],
            suggested=False,
        )
    )
    float32 = (context.inputs["float32"] / MODEL_FILE).read_bytes()
    floats = read_network(float32).tensors_of(recipe.keep)
    content = quantize_mixed(float32, calibrated(context), floats, recipe.precision)
    recipe.save(context.out)
    return write_file(context, content, form="int8_mixed", **recipe.to_dict())


def calibrated(context: StageContext) -> Ranges:
    """Returns the ranges of input ``statistics``. Params: ``method``, ``percentile``."""
    statistics = ActivationStatistics.load(context.inputs["statistics"])
    method = CalibrationMethod(context.params["method"])
    return statistics.ranges(method, context.params["percentile"])
