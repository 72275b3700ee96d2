"""A plug-in as somebody else would write it: a variant, a check of its own, a calibration method.

Nothing of EffQ knows it: ``EFFQ_PLUGINS=effq_toy`` is all there is.
"""

from __future__ import annotations

from typing import Any

from effq_core.experiment.calibration_methods import METHODS, CalibrationMethod
from effq_core.experiment.variants import CATALOGUE, Variant
from effq_core.measure.gate import Evidence, judged
from effq_core.measure.gates import GATES, Gate, Rule
from effq_core.pipeline.registry import stage


def plan(planner: Any, row: Variant) -> None:
    planner.add(
        f"convert:{row.name}",
        "effq_toy:make",
        params={"form": "effq_toy:one_scale"},
        inputs={"frozen": "freeze", "model": "model"},
        weight=4,
    )


def one_scale(converter: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel = True


@stage("effq_toy:make", kind="convert", title="Convert", libraries=("tensorflow",))
def make(context: Any) -> dict[str, Any]:
    from effq_core.pipeline.stages.quantize import write_file
    from effq_core.quantize.convert import convert
    from effq_core.store.manifest import FROZEN

    content = convert(context.inputs["frozen"] / FROZEN, context.params["form"])
    (context.out / "scales.json").write_text('{"each_kernel": 1}', encoding="utf-8")
    return write_file(context, content, form="toy")


def small_enough(evidence: Evidence) -> Gate | None:
    if evidence.variant.name != "toy_scale":
        return None
    share = evidence.file("toy_scale").size_bytes / evidence.file("float32").size_bytes
    facts = {"share": share}
    return judged("small_enough", passed=share < 0.4, value=share, limit=0.4, n=1, facts=facts)


def median(seen: Any, percentile: float) -> Any:
    import numpy as np

    del percentile
    return np.median(seen.minima, axis=0), np.median(seen.maxima, axis=0)


GATES.register(
    Rule(
        name="small_enough",
        title="Small enough",
        purpose="A file that is hardly smaller is not worth its loss.",
        sentence=lambda share: (
            f"The file has {100 * share:.0f} % of float32's bytes; at most 40 % may be."
        ),
        of_file=small_enough,
    )
)
CATALOGUE.register(
    Variant(
        name="toy_scale",
        title="Toy (one scale)",
        summary="8-bit weights with one scale for each kernel.",
        good_for="Seeing what a scale for each channel is worth.",
        colour="#112233",
        symbol="bowtie",
        weight_bits=8,
        activation_bits=32,
        size_share=0.28,
        plan=plan,
        files={"scales.json": "how many scales each kernel has."},
        is_on_request=True,
    )
)
METHODS.register(
    CalibrationMethod(
        name="toy_median",
        title="Toy median",
        summary="The median over photos of each photo's own range.",
        rule=median,
        colour="#445566",
        symbol="hourglass",
        dash="longdash",
    )
)
