"""int8: integers throughout, after training."""

from effq_core.experiment.variants import BASELINE, CATALOGUE, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int8",
        title="int8",
        summary="Integers throughout; calibration photos set the activation ranges.",
        good_for="Smallest and fastest on CPUs, and the only form for integer accelerators.",
        colour="#009e73",
        symbol="triangle-up",
        weight_bits=8,
        activation_bits=8,
        size_share=0.31,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.quantize(row.name, f"convert:{BASELINE}", "calibrate"),
    )
)
