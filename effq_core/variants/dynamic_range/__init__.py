"""Dynamic range: weights of 8 bits, and activations quantized on the fly."""

from effq_core.experiment.variants import CATALOGUE, Variant

CATALOGUE.register(
    Variant(
        name="dynamic_range",
        title="dynamic range",
        summary="8-bit weights but in depthwise layers; activations are quantized image by image.",
        good_for="A quarter of the size without any calibration photos.",
        colour="#e69f00",
        symbol="diamond",
        weight_bits=8,
        activation_bits=32,
        size_share=0.28,
        plan=lambda planner, row: planner.dynamic(row),
    )
)
