"""int4: 4-bit weights where nearly all weights are, the rest as in int8."""

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int4",
        title="int4",
        summary="4-bit weights in 1×1 convolutions and Dense layers; everything else as in int8.",
        good_for="Three fifths of int8's size at int8's speed, without any training.",
        colour="#8a2be2",
        symbol="square-cross",
        weight_bits=4,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.19,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.round_weights(row, planner.experiment.low_bits.rounding),
        needs=(PTQ,),
        start_of="int4_qat",
        is_on_request=True,
    )
)
