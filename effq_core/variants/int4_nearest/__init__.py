"""int4 rounded to nearest: the control that shows what rounding does."""

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int4_nearest",
        title="int4 nearest",
        summary="int4 with every weight rounded to the nearest integer, by itself.",
        good_for="Seeing how much of int4's accuracy its rounding rule saves.",
        colour="#a98d5f",
        symbol="square-x",
        weight_bits=4,
        activation_bits=8,
        size_share=0.19,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.round_weights(row, row.rounding),
        needs=(PTQ,),
        explains="what int4's rounding rule saves",
        beside="int4",
        is_on_request=True,
    )
)
