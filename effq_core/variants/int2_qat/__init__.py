"""int2 QAT: int2, trained on its own grids."""

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int2_qat",
        title="int2 QAT",
        summary="int2, fine-tuned with its weights and activations rounded as in the file.",
        good_for="The smallest file, where training can afford what 2 bits lose.",
        colour="#b22222",
        symbol="hourglass",
        weight_bits=2,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.13,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.train_file(row, start="convert:int2"),
        needs=(PTQ, "int2"),
        training="finetune:int2_qat",
        trained=True,
        is_on_request=True,
    )
)
