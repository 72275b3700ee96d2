"""The gate that matrix products answer what the 1×1 convolutions did whose place they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.runtimes.registry import open_session

NAME = "matrices_equal"
MATRICES_FILE = "matrices.json"
"""What :func:`compare_matrices` found, as the stage that made the file writes it."""
_IMAGES = 4


def compare_matrices(int8: Path, matrices: Path, random: np.random.Generator) -> dict[str, Any]:
    """Feeds random images to an int8 file and to its form with matrix products.

    Returns:
        ``images`` fed, and ``differing``: those whose outputs are not the same to the last bit.
    """
    first, second = open_session(int8), open_session(matrices)
    differing = 0
    for _ in range(_IMAGES):
        image = random.integers(-128, 128, first.inputs[0].shape).astype(np.int8)
        answers = []
        for session in (first, second):
            session.feed(image)
            session.invoke()
            answers.append(session.answer())
        differing += not np.array_equal(answers[0], answers[1])
    return {"images": _IMAGES, "differing": differing}


def _check(evidence: Evidence) -> Gate | None:
    path = evidence.context.inputs[f"file:{evidence.variant.name}"] / MATRICES_FILE
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return matrices_gate(found["images"], found["differing"])


def matrices_gate(images: int, differing: int) -> Gate:
    """Checks that no image got another output.

    Returns:
        The gate; its value is the number of images that did.
    """
    facts = {"images": images, "differing": differing}
    passed = images > 0 and not differing
    return judged(NAME, passed=passed, value=differing, limit=0, n=images, facts=facts)


def _sentence(images: int, differing: int) -> str:
    fed = fmt.counted(images, "random image")
    if not differing:
        return f"With 8 bits both forms give the same outputs for {fed}."
    return f"With 8 bits {differing} of {fed} get other outputs."


GATES.register(
    Rule(
        name=NAME,
        title="Matrix products equal the convolutions",
        purpose="Weights of few bits need another operator. It must compute what the convolution "
        "did, or the loss is not the weights'.",
        sentence=_sentence,
        of_file=_check,
    )
)
