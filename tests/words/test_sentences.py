"""What is said about findings, as it was agreed: the one place where wording is tested."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from effq_core.experiment.calibration_methods import METHODS
from effq_core.layers.explain import how_far, which_blocks
from effq_core.learn.grids import quantize_kernel
from effq_core.learn.lessons import calibration_lesson, scales_lesson
from effq_core.learn.ranges import measure
from effq_core.learn.recovery import describe
from effq_core.learn.tensors import Activation, Layer
from effq_core.measure.statistics import Comparison, sentence
from effq_core.results import load_reference
from tests.advise.test_message import CASES
from tests.layers.test_explain import record
from tests.learn.learn_data import activation_of, calm_and_odd, layer_of, uneven_layer

SENTENCES = Path(__file__).with_name("sentences.json")
STOPS = (1, 2, 5, 10, 20)
EVEN = np.random.default_rng(4).uniform(-1, 1, 4000)


def comparisons() -> list[Comparison]:
    found = load_reference().variants["int8"].comparison
    assert found is not None
    unlabelled = {"difference_points": None, "low_points": None, "high_points": None, "p": None}
    changes = (
        {},
        {"too_small_to_tell": True},
        {"p": 0.001},
        {"worse": 0, "better": 0},
        {"worse": 15, "difference_points": 0.0, "p": 1.0},
        {"worse": None, "better": None, **unlabelled},
    )
    return [replace(found, **change) for change in changes]


def scales(layer: Layer) -> str:
    effects = [quantize_kernel(layer, 8, symmetric=True, per_channel=own) for own in (False, True)]
    return scales_lesson(effects[0], effects[1])


def calibration(activation: Activation) -> str:
    return calibration_lesson({m: [measure(activation, m, n) for n in STOPS] for m in METHODS})


def told() -> dict[str, list[str]]:
    return {
        "advice": [f"{case.key}: {case.text}" for case in CASES],
        "blocks": [
            which_blocks(record({"stem": 0.09, "block1a": 0.01}), 2),
            which_blocks(record({"stem": 0.02, "block1a": 0.05, "head": 0.02, "top": 0.01}), 23),
            which_blocks(record({f"block{n}a": 0.01 for n in range(1, 11)}), 10),
            which_blocks(record({"stem": 0.0, "head": 0.0}), 2),
            which_blocks(record({"stem": 0.0}), 23),
            which_blocks(record({}), 23),
            how_far(record({"stem": 0.1})),
        ],
        "lessons": [
            scales(uneven_layer()),
            scales(layer_of(np.random.default_rng(1).uniform(-1, 1, (6, 500)))),
            calibration(activation_of(calm_and_odd(), STOPS)),
            calibration(activation_of([EVEN] * 20, STOPS)),
        ],
        "recovery": [describe(each) for each in comparisons()],
        "comparisons": [sentence(each, "float32", "int8") for each in comparisons()],
    }


def test_findings_are_worded_as_was_agreed() -> None:
    """Rewrite with ``python -m tests.words.test_sentences`` and read the difference."""
    assert told() == json.loads(SENTENCES.read_text(encoding="utf-8"))


if __name__ == "__main__":
    SENTENCES.write_text(json.dumps(told(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
