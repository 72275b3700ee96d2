"""Dynamic int4: weights of 4 bits in groups, and activations quantized on the fly."""

from effq_core.experiment.variants import CATALOGUE, Variant

CATALOGUE.register(
    Variant(
        name="dynamic_int4",
        title="dynamic int4",
        summary="4-bit weights in groups of 32; activations are quantized on the fly.",
        good_for="A fifth of the size without any calibration photos.",
        colour="#b5a13c",
        symbol="diamond-cross",
        weight_bits=4,
        activation_bits=32,
        rounding="squant",
        size_share=0.21,
        plan=lambda planner, row: planner.dynamic(row),
        is_on_request=True,
    )
)
