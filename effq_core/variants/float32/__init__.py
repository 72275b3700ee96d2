"""float32: the model as trained."""

from effq_core.experiment.variants import CATALOGUE, Variant

CATALOGUE.register(
    Variant(
        name="float32",
        title="float32",
        summary="The model as trained: the baseline every other variant is compared with.",
        good_for="The reference; a server, or a device where size and time do not matter.",
        colour="#6b7280",
        symbol="circle",
        weight_bits=32,
        activation_bits=32,
        size_share=1.0,
        plan=lambda planner, row: planner.convert(f"convert:{row.name}", "freeze", "float32"),
    )
)
