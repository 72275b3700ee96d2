"""fitted QAT: fitted bits, trained on the file's own grids."""

from effq_core.experiment.variants import CATALOGUE, FITTED, PTQ, Ranges, Variant

CATALOGUE.register(
    Variant(
        name="fitted_qat",
        title="fitted QAT",
        summary="fitted 8/4/2 bits, fine-tuned with all values rounded as in the file.",
        good_for="A size that fitted bits only reach at a loss, where there are photos to "
        "fine-tune on.",
        colour="#b8860b",
        symbol="star-diamond",
        weight_bits=4,
        activation_bits=8,
        rounding="gptq",
        chooses_rounding=True,
        size_share=0.19,
        ranges=Ranges.METHOD,
        is_integer=True,
        plan=lambda planner, row: planner.train_file(row, start=f"convert:{FITTED}"),
        needs=(PTQ, FITTED),
        training="finetune:fitted_qat",
        trained=True,
        files={
            "recipe.json": "how many bits the weights of each layer of `fitted_qat.tflite` have."
        },
        is_on_request=True,
    )
)
