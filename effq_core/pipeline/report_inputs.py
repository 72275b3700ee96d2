"""What the last stage of a plan reads. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable

from effq_core.experiment.variants import Variant

BENCHMARK = "benchmark"
"""The stage that times all files."""

_MEASURES = ("inspect", "evaluate", "keras")


def report_inputs(variants: Iterable[Variant], made: set[str]) -> dict[str, str]:
    """Lists the inputs of the stage ``report``, by the name it knows them under."""
    wanted = {name: name for name in ("index", "model", "lookalikes", BENCHMARK)}
    wanted |= {role: f"pixels:{role}" for role in ("calibration", "training", "evaluation")}
    for variant in variants:
        name = variant.name
        wanted[f"file:{name}"] = f"convert:{name}"
        wanted |= {(key := f"{what}:{name}"): key for what in _MEASURES}
        wanted[f"training:{name}"] = variant.training
    return {name: source for name, source in wanted.items() if source in made}
