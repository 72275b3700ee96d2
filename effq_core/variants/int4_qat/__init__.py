"""int4 QAT: int4, trained on its own grids."""

from effq_core.experiment.variants import CATALOGUE, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="int4_qat",
        title="int4 QAT",
        summary="int4, fine-tuned with its weights and activations rounded as in the file.",
        good_for="int4 where its rounding loses accuracy and there are photos to fine-tune on.",
        colour="#6a3d9a",
        symbol="star-square",
        weight_bits=4,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.19,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.train_file(row, start="convert:int4"),
        needs=(PTQ, "int4"),
        training="finetune:int4_qat",
        trained=True,
        is_on_request=True,
    )
)
