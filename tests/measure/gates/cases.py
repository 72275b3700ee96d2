"""What every gate may find: name of the rule, whether it passes, and facts for its sentence."""

from __future__ import annotations

from typing import Any

SWAP = {"after": 800, "n": 800, "rule": "", "swapped": True, "pairs": [["cat", "dog"]], "count": 1}
MOVED = {**SWAP, "swapped": False, "pairs": [["cat", "pig"], ["dog", "rat"]], "count": 10}
ALPHABETICAL = {"after": 790, "n": 800, "rule": "alphabetical"}
FED = {"preprocessing": "minus_one_one", "colours": "", "offered": True, "right": 190, "n": 200}
BGR = {"preprocessing": "", "colours": "BGR", "offered": False, "right": 190, "n": 200}


def _labels(passed: bool, right: int, **facts: Any) -> tuple[str, bool, dict[str, Any]]:
    base = {"at_chance": False, "useless": False, "order": None, "feeding": None}
    return (
        "answers_fit_labels",
        passed,
        {"title": "float32", "right": right, "n": 800} | base | facts,
    )


def _float32(passed: bool, same: int, order: Any = None) -> tuple[str, bool, dict[str, Any]]:
    facts = {"same": same, "n": 800, "least": 300, "order": order}
    return "agreement_with_float32", passed, facts


def _kernels(passed: bool, **facts: Any) -> tuple[str, bool, dict[str, Any]]:
    return "xnnpack_vs_reference", passed, {"n": 40, **facts}


def _recipe(passed: bool, **facts: Any) -> tuple[str, bool, dict[str, Any]]:
    return "recipe_as_asked", passed, {"wrong": 0, "operators": 268, **facts}


def _samples(role: str) -> list[tuple[str, bool, dict[str, Any]]]:
    name, none = f"{role}_evaluation_lookalikes", {"role": role, "count": 0, "named": []}
    pairs = [[f"bee/{n}.jpg", f"bee/copy{n}.jpg"] for n in range(3)]
    all_of_them = {"compared": [800, 800], "among": [1500, 1500]}
    part = {"compared": [800, 9000], "among": [1500, 1500]}
    return [
        (name, True, none | all_of_them),
        (name, True, none | part),
        (name, False, {"role": role, "count": 20, "named": pairs, **all_of_them}),
    ]


def _disjoint(first: str, second: str) -> list[tuple[str, bool, dict[str, Any]]]:
    facts = {"first": first, "second": second, "n": 800}
    return [(f"{first}_{second}_disjoint", not n, {**facts, "shared": n}) for n in (0, 3)]


DIFFERENT = {
    "difference": 0.143,
    "largest": 0.02,
    "steps": None,
    "flips": 1,
    "real": 0,
    "most": 0.1,
}
_PIECES = {"operators": 268, "start": "int8", "start_pieces": 1, "start_outside": 1}
_BITS = {"layers": 93, "narrow": [[4, 70]]}
_GROUPS = {"narrow": [[4, 62]], "grouped": 48, "floats": 17}
_EIGHT = {"narrow": [], "floats": 17}
NEEDED = {"per_channel": 92, "per_tensor": 198}
CASES: list[tuple[str, bool, dict[str, Any]]] = [
    _labels(True, 700),
    _labels(True, 80, at_chance=True),
    _labels(False, 600, order=SWAP),
    _labels(False, 80, at_chance=True, useless=True),
    _labels(False, 80, at_chance=True, order=ALPHABETICAL),
    _labels(False, 80, at_chance=True, feeding=FED),
    _labels(False, 80, at_chance=True, feeding=BGR),
    _float32(True, 780),
    _float32(False, 20),
    _float32(False, 20, MOVED),
    _kernels(True, **DIFFERENT),
    _kernels(True, **DIFFERENT | {"steps": 6}),
    _kernels(True, runtime="LiteRT"),
    _kernels(False, **DIFFERENT | {"difference": 0.7, "real": 1}),
    _kernels(False, lost=3),
    ("keras_vs_tflite", True, {"same": 500, "n": 500, "minimum": 0.995, "largest": 2.5e-6}),
    ("keras_vs_tflite", False, {"same": 480, "n": 500, "minimum": 0.98, "largest": 0.092}),
    ("no_float_tensors", True, {"floats": 0, "tensors": 456, "named": []}),
    ("no_float_tensors", False, {"floats": 4, "tensors": 456, "named": ["a/b", "c", "d_1"]}),
    ("fake_quant_count", True, {"found": NEEDED, "needed": NEEDED}),
    ("fake_quant_count", False, {"found": NEEDED | {"per_tensor": 0}, "needed": NEEDED}),
    ("same_operators", True, {"operators": 268, "missing": {}, "extra": {}}),
    ("same_operators", False, {"operators": 270, "missing": {"ADD": 1}, "extra": {"MUL": 3}}),
    _recipe(True, kept=12, keep=["stem", "block1a"], bits=16),
    _recipe(True),
    _recipe(False, wrong=9, wrong_blocks=[["stem", 5], ["head", 4]]),
    _recipe(False, wrong=268),
    ("matrices_equal", True, {"images": 4, "differing": 0}),
    ("matrices_equal", False, {"images": 4, "differing": 3}),
    ("weight_bits", True, {**_BITS, "wrong": 0, "named": []}),
    ("weight_bits", True, {"layers": 93, "narrow": [[4, 52], [2, 18]], "wrong": 0, "named": []}),
    ("weight_bits", False, {"layers": 93, "narrow": [], "wrong": 0, "named": []}),
    ("weight_bits", True, {**_BITS, **_GROUPS, "wrong": 0, "named": []}),
    ("weight_bits", True, {**_BITS, **_EIGHT, "wrong": 0, "named": []}),
    ("weight_bits", False, {**_BITS, "wrong": 4, "named": ["a/b", "c", "d_1"]}),
    ("one_partition", True, {"pieces": 1, "outside": 1, **_PIECES}),
    ("one_partition", False, {"pieces": 71, "outside": 70, **_PIECES}),
    *_disjoint("calibration", "training"),
    *_disjoint("calibration", "evaluation"),
    *_disjoint("training", "evaluation"),
    *_samples("calibration"),
    *_samples("head"),
    *_samples("training"),
]
