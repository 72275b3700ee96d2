"""Stages that try blocks in other precisions, and mix them."""

from dataclasses import fields
from functools import partial
from typing import Any

from effq_core.base.settings import quiet_seconds
from effq_core.experiment.mixed import Layers, Mixed, Precision
from effq_core.experiment.variants import MIXED
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.signal import measure_signal
from effq_core.layers.suggest import suggest as search
from effq_core.measure.accuracy import score
from effq_core.measure.predictions import Predictions
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, STATISTICS, TENSORFLOW, stage
from effq_core.pipeline.stages.measure import Patience, quiet_cpu
from effq_core.pipeline.stages.quantize import write_file
from effq_core.quantize.calibration import ActivationStatistics, Ranges
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.network import read_network
from effq_core.tflite.recipe import Recipe


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


_LIMITS = frozenset(each.name for each in fields(Mixed))


@stage("layers:effect", title="Try each block in int8 and in floats", libraries=TENSORFLOW)
def effect(context: StageContext) -> dict[str, Any]:
    """Measures what each block of input ``float32`` does to the answers.

    Params: ``images``, ``budget_seconds``, ``method``, ``percentile``. Inputs: ``float32``,
    ``statistics``, ``calibration``.
    """
    from effq_core.layers.effect import EffectMeter

    params = context.params
    images, _ = read_pixels(context.inputs["calibration"])
    record = EffectMeter(
        context.inputs["float32"] / MODEL_FILE,
        calibrated(context),
        images,
        settings=Layers(images=params["images"], budget_seconds=params["budget_seconds"]),
        scratch=context.scratch,
        reporter=context,
    ).measure(params["method"], params["percentile"])
    record.save(context.out)
    return {
        "images": record.images,
        "files": len(record.effects),
        "complete": record.complete,
        "worst": [found.name for found in record.ranked()[:3]],
    }


@stage(
    "layers:suggest",
    title="Look for the blocks to keep in floats",
    version=2,
    libraries=(*TENSORFLOW, *STATISTICS),
)
def suggest(context: StageContext) -> dict[str, Any]:
    """Looks for the smallest set of blocks that holds the limits of ``int8_mixed``.

    Params: those of :class:`~effq_core.experiment.mixed.Mixed`, ``method``, ``percentile``. Inputs:
    ``float32``, ``int8``, ``statistics``, ``effect``, ``evaluation``, and what both files answered:
    ``float32_answers``, ``int8_answers``.
    """
    from effq_core.layers.trial_files import time_beside_int8
    from effq_core.layers.trials import Bench

    params, inputs = context.params, context.inputs
    images, _ = read_pixels(inputs["evaluation"])
    float32, int8 = inputs["float32"] / MODEL_FILE, inputs["int8"] / MODEL_FILE
    answers = Predictions.load(inputs["float32_answers"])
    settings = Mixed(**{name: params[name] for name in _LIMITS})
    patience = Patience(quiet_cpu(context).wait)
    bench = Bench(
        float32=float32,
        int8=int8,
        ranges=calibrated(context),
        images=images,
        answers=answers,
        int8_answers=Predictions.load(inputs["int8_answers"]),
        settings=settings,
        scratch=context.scratch,
        reporter=context,
        timing=partial(time_beside_int8, again=quiet_seconds() > 0, pause=patience.wait),
        clock=patience.clock,
    )
    found = search(
        bench,
        EffectRecord.load(inputs["effect"]),
        labelled=answers.labels is not None,
        float32_top1=score(answers).top1,
        float32_bytes=float32.stat().st_size,
        int8_bytes=int8.stat().st_size,
        progress=lambda done, total: context.progress(done, total, "files"),
    )
    found.save(context.out)
    Recipe(
        keep=found.choice.keep,
        precision=settings.precision,
        method=params["method"],
        percentile=params["percentile"],
        suggested=True,
    ).save(context.out)
    return {"keep": list(found.choice.keep), "met": found.met, "sentence": found.sentence}


@stage("layers:mix", kind="convert", title="Convert", libraries=TENSORFLOW)
def mix(context: StageContext) -> dict[str, Any]:
    """Makes int8 of input ``float32`` with some blocks in floats.

    Params: ``keep``, ``precision``, ``method``, ``percentile``. Inputs: ``float32``,
    ``statistics``, ``model`` and, where the blocks were looked for, ``recipe``.
    """
    from effq_core.quantize.convert import quantize_mixed

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
    said = context.summaries["recipe"]["sentence"] if recipe.suggested else ""
    return write_file(context, content, form=MIXED, sentence=said, **recipe.to_dict())


def calibrated(context: StageContext) -> Ranges:
    """Returns the ranges of input ``statistics``. Params: ``method``, ``percentile``."""
    statistics = ActivationStatistics.load(context.inputs["statistics"])
    return statistics.ranges(context.params["method"], context.params["percentile"])
