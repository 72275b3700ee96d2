"""fitted: 8, 4 or 2 bits in each layer, those that lose least within a size and a latency."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from effq_core.experiment.fitted import Fitted
from effq_core.experiment.variants import BASELINE, CATALOGUE, PTQ, Ranges, Variant

if TYPE_CHECKING:
    from effq_core.pipeline.plan import Planner

_FILES = {"int8": f"convert:{PTQ}", "float32": f"convert:{BASELINE}"}


def plan(planner: Planner, row: Variant) -> None:
    """Adds a search without named bits, and converts; ``ModelError`` for unknown names."""
    from effq_core.layers.names import names_of

    fitted = planner.experiment.fitted or Fitted()
    rule = planner.experiment.low_bits.rounding
    if fitted.named and (names := names_of(planner.card)) is not None:
        names.check(fitted.named)
    inputs = {}
    if fitted.is_suggested:
        _search(planner, fitted, rule)
        inputs = {"recipe": "fit"}
    planner.round(row, "low_bits:round_widths", {"widths": fitted.widths, "rule": rule}, inputs)


def _search(planner: Planner, fitted: Fitted, rule: str) -> None:
    from effq_core.base import hardware

    experiment = planner.experiment
    watched = {**planner.moments(), "calibration": "pixels:calibration"}
    size = {"max_size": fitted.max_size}
    planner.add("bounds", "low_bits:bounds", params=size, inputs=_FILES, weight=2)
    planner.add(
        "widths",
        "low_bits:widths",
        params={"rule": rule, "budget_seconds": fitted.budget_seconds},
        inputs={**_FILES, **watched},
        weight=min(120, fitted.budget_seconds),
    )
    # A limit on time is one of this machine: what another one found does not hold here.
    again = {"sitting": experiment.sitting} if experiment.sitting else {}
    timed = fitted.max_slowdown is not None
    host = {"host": hardware.describe().to_dict(), **again} if timed else {}
    limits = {name: value for name, value in asdict(fitted).items() if name != "widths"}
    planner.add(
        "fit",
        "low_bits:fit",
        params={**limits, "rule": rule, **host},
        inputs={**_FILES, **watched, "widths": "widths", "bounds": "bounds"},
        exclusive=True,  # it takes the time of what it tries
        weight=60,
    )


CATALOGUE.register(
    Variant(
        name="fitted",
        title="fitted 8/4/2 bits",
        summary="8, 4 or 2 bits in each layer: those that lose least within a size and a latency.",
        good_for="A file that has to fit a size, where 4 bits everywhere lose too much or are "
        "still too large.",
        colour="#00857c",
        symbol="hexagon2",
        weight_bits=4,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.19,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=plan,
        needs=(PTQ,),
        files={"recipe.json": "how many bits the weights of each layer of `fitted.tflite` have."},
        is_on_request=True,
    )
)
