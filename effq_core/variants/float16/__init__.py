"""float16: weights of 16 bits."""

from effq_core.experiment.variants import CATALOGUE, Variant

CATALOGUE.register(
    Variant(
        name="float16",
        title="float16",
        summary="Weights stored as 16-bit floats, computed as 32-bit on a CPU.",
        good_for="Half the size at no loss; phone GPUs that compute in float16.",
        colour="#0072b2",
        symbol="square",
        weight_bits=16,
        activation_bits=32,
        size_share=0.5,
        plan=lambda planner, row: planner.convert(f"convert:{row.name}", "freeze", "float16"),
    )
)
