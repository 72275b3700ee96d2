"""What the programs of a comparison tell each other, as JSON. Standard library only.

The tools run in an environment of their own, where EffQ's requirements need not be installed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every tool is given: the same float model and the same images.

    Attributes:
        saved_model: The frozen float model, a SavedModel with batch 1, RGB 0-255 to probabilities.
        float32: The same as a float32 ``.tflite`` file.
        keras_model: Folder ``effq_core.models.build.load_model`` rebuilds the Keras model from.
        calibration: uint8 ``(n, side, side, 3)`` RGB, a ``.npy`` file.
        evaluation: As ``calibration``; no image is in both.
        training: As ``calibration``; empty where nothing is fine-tuned.
        training_labels: Model class of each training image.
        epochs: Of fine-tuning; 0: nothing is fine-tuned.
        learning_rate: Adam's.
        batch_size: Images a step.
        seed: Of every random choice.
    """

    saved_model: str
    float32: str
    keras_model: str
    calibration: str
    evaluation: str
    training: str = ""
    training_labels: list[int] = field(default_factory=list)
    epochs: int = 0
    learning_rate: float = 1e-5
    batch_size: int = 32
    seed: int = 42

    def save(self, path: Path) -> None:
        """Writes the job."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Job:
        """Reads what :meth:`save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the comparison: a model file, or why there is none.

    Attributes:
        id: Folder name.
        tool: Who made it.
        settings: How, in a few words.
        runtime: ``litert``, ``openvino`` or ``onnxruntime``; empty where there is no file.
        files: What it is deployed as; the first is the one the runtime opens.
        seconds: Time it took to make, with whatever else the machine did.
        notes: What a reader of the table must know.
        error: Why there is no file, in the tool's own words.
    """

    id: str
    tool: str
    settings: str
    runtime: str = ""
    files: list[str] = field(default_factory=list)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(Path(file).stat().st_size for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Returns the entry as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Entry:
        """Rebuilds an entry from :meth:`to_dict`."""
        return cls(**plain)
