"""What the folder of a built model says of it, read without TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

from effq_core.models.catalogue import Label

CONFIG = "model.json"


def read_labels(folder: Path) -> tuple[Label, ...]:
    """Reads the labels of a model written by :func:`effq_core.models.build.save_model`."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return tuple(Label(**label) for label in config["labels"])
