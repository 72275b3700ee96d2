"""How a ``.tflite`` file's outputs are one probability a class, written down beside it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError

ANSWERS_FILE = "answers.json"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """How outputs are read. One output alone is the probability of the second of two classes."""

    logit: bool = False  # whether a single output is a score before a sigmoid
    background: int | None = None  # place of an output that is no class, if any

    def classes(self, outputs: int) -> int:
        """Returns how many classes a file with so many outputs has."""
        return 2 if outputs == 1 else outputs - (self.background is not None)

    def read(self, outputs: Floats) -> Floats:
        """Reads dequantized outputs for one image, float32 (outputs,), as float32 (classes,)."""
        if len(outputs) == 1:
            yes = outputs[0].astype(np.float64)
            if self.logit:
                yes = 1 / (1 + np.exp(-np.clip(yes, -80, 80)))
            return np.array([1 - yes, yes], np.float32)
        return outputs if self.background is None else np.delete(outputs, self.background)


def write_answers(path: Path, answers: Answers) -> None:
    """Says beside a ``.tflite`` file how its outputs are read where not one for each class."""
    if answers != Answers():
        path.with_name(ANSWERS_FILE).write_text(json.dumps(asdict(answers)), encoding="ascii")


def read_answers(path: Path) -> Answers:
    """Reads what :func:`write_answers` wrote beside a model. Raises ModelError if it is damaged."""
    beside = path.with_name(ANSWERS_FILE)
    if not beside.is_file():
        return Answers()
    try:
        plain = json.loads(beside.read_text(encoding="ascii"))
        background = plain["background"]
        return Answers(bool(plain["logit"]), None if background is None else int(background))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{beside.name} cannot be read ({error}).", "Add the file again."
        ) from error
