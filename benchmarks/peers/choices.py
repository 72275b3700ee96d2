"""The command line of a comparison."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from effq_core.experiment import Calibration, Experiment, Qat

STEPS = ("models", "accuracy", "latency")
TOOLS = (
    "tflite_converter",
    "litert_quantizer_recipe",
    "tfmot_stock",
    "nncf_openvino",
    "onnxruntime_qdq",
)
HERE = ("tfmot_stock",)
"""Tools that run in EffQ's own environment."""
FEWEST_INVOCATIONS = 100


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads and checks the command line.

    Args:
        arguments: The words; ``None``: those of this process.

    Returns:
        The choices, with ``experiment`` ready.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="EffQ beside the tools people would use otherwise, on the same float model "
        "and the same images. Prints one markdown table; writes it and results.json into WORK.",
    )
    parser.add_argument("work", type=Path, help="folder for everything; reused when run again")
    parser.add_argument(
        "--env", type=Path, required=True, help="made by python -m benchmarks.peers.setup DIR"
    )
    parser.add_argument("--model", default="efficientnetv2_b0_imagenette")
    parser.add_argument(
        "--data",
        default="",
        help="photo_patches or folder:/path; without it imagenette2-160 in EFFQ_TEST_DATA",
    )
    parser.add_argument("--calibration", type=int, default=500, help="images")
    parser.add_argument("--evaluation", type=int, default=None, help="images; all by default")
    parser.add_argument("--training", type=int, default=None, help="images; all by default")
    parser.add_argument(
        "--epochs", type=int, default=2, help="of fine-tuning; 0: without QAT of either tool"
    )
    parser.add_argument("--image-size", type=int, default=None, help="pixels; the model's own")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only these peers")
    parser.add_argument("--only", choices=STEPS, help="one step, on what the others have left")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--invocations", type=int, default=50, help="timed, of each round")
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument(
        "--home", type=Path, help="an EFFQ_HOME whose results may be reused; WORK/home by default"
    )
    choices = parser.parse_args(arguments)
    if choices.rounds < 1 or choices.rounds * choices.invocations < FEWEST_INVOCATIONS:
        parser.error(
            f"{choices.rounds} rounds of {choices.invocations} invocations are too few: "
            f"{FEWEST_INVOCATIONS} or more in all"
        )
    if choices.epochs < 0 or min(choices.threads) < 1:
        parser.error("the epochs must be 0 or more, and each thread count 1 or more")
    if not choices.data:
        folder = os.environ.get("EFFQ_TEST_DATA")
        if not folder:
            parser.error("give --data, or set EFFQ_TEST_DATA to a folder with imagenette2-160")
        choices.data = f"folder:{Path(folder).resolve() / 'imagenette2-160'}"
    choices.tool = [tool for tool in TOOLS if tool in (choices.tool or TOOLS)]
    choices.work, choices.env = choices.work.resolve(), choices.env.absolute()
    choices.home = (choices.home or choices.work / "home").resolve()
    choices.experiment = experiment(choices)
    return choices


def experiment(choices: argparse.Namespace) -> Experiment:
    """Returns what EffQ runs.

    Args:
        choices: From :func:`parse`.

    Raises:
        ExperimentError: If a number is out of range.
    """
    # Without fine-tuning the control that explains it has nothing to explain.
    qat = ("int8_qat", "int8_qat_untrained") if choices.epochs else ()
    return Experiment(
        model=choices.model,
        dataset=choices.data,
        variants=("float32", "int8", *qat),
        calibration=Calibration(size=choices.calibration),
        qat=Qat(epochs=max(1, choices.epochs)),
        training_size=choices.training,
        evaluation_size=choices.evaluation,
        image_size=choices.image_size,
        seed=choices.seed,
    )
