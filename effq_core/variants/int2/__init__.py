"""int2: 2-bit weights wherever a kernel takes them."""

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int2",
        title="int2",
        summary="2-bit weights in 1×1 convolutions and Dense layers; everything else as in int8.",
        good_for="Seeing where rounding without training ends.",
        colour="#dda0dd",
        symbol="hexagram",
        weight_bits=2,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.13,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.round_weights(row, planner.experiment.low_bits.rounding),
        needs=(PTQ,),
        start_of="int2_qat",
        is_on_request=True,
    )
)
