"""int8 mixed: int8, with some blocks in floats."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from effq_core.experiment.mixed import Mixed
from effq_core.experiment.variants import BASELINE, CATALOGUE, PTQ, Ranges, Variant

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner


def plan(planner: Planner, row: Variant) -> None:
    """Adds ``suggest`` without named blocks, and converts; ``ModelError`` for unknown names."""
    from effq_core.layers.names import names_of
    from effq_core.pipeline.plan import RANGES

    mixed = planner.experiment.mixed or Mixed()
    names = names_of(planner.card) if mixed.keep else None
    if names is not None:
        names.check(mixed.keep)
    recipe = {}
    if mixed.is_suggested:
        _suggest(planner, mixed)
        recipe = {"recipe": "suggest"}
    planner.add(
        f"convert:{row.name}",
        "layers:mix",
        params={"keep": mixed.keep, "precision": mixed.precision, **planner.method},
        inputs={**RANGES, "model": "model", **recipe},
        weight=3,
    )


def _suggest(planner: Planner, mixed: Mixed) -> None:
    from effq_core.base import hardware
    from effq_core.pipeline.plan import RANGES, add_effect

    experiment = planner.experiment
    add_effect(planner, experiment)
    # A limit on time is one of this machine: what another one found does not hold here.
    timed = mixed.max_latency_ratio is not None
    again = {"sitting": experiment.sitting} if experiment.sitting else {}
    host = {"host": hardware.describe().to_dict(), **again} if timed else {}
    planner.add(
        "suggest",
        "layers:suggest",
        params={**asdict(mixed), **planner.method, **host},
        inputs={
            **RANGES,
            "int8": f"convert:{PTQ}",
            "float32_answers": f"evaluate:{BASELINE}",
            "int8_answers": f"evaluate:{PTQ}",
            "effect": "effect",
            "evaluation": "pixels:evaluation",
        },
        exclusive=True,  # it takes the time of what it tries
        weight=min(30 + 5 * (experiment.evaluation_size or 2000) / 60, mixed.budget_seconds),
    )


CATALOGUE.register(
    Variant(
        name="int8_mixed",
        title="int8 mixed",
        summary="int8, with the blocks that lose most kept in floats.",
        good_for="int8 where a few blocks cost accuracy and there is no time to fine-tune.",
        colour="#8f8a00",
        symbol="pentagon",
        weight_bits=8,
        activation_bits=8,
        size_share=0.31,
        ranges=Ranges.METHOD,
        plan=plan,
        needs=(PTQ,),
        files={
            "recipe.json": "which blocks `int8_mixed.tflite` keeps in floats, and how the rest was "
            "calibrated."
        },
        is_on_request=True,
    )
)
