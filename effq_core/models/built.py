"""What the folder of a built model says of it, read without TensorFlow."""

import json
from pathlib import Path

from effq_core.models.card import Label
from effq_core.models.catalogue import get_model
from effq_core.models.families.family import FAMILIES, Family, family_of
from effq_core.models.own.card import ARCHITECTURE, is_own

CONFIG = "model.json"


def read_labels(folder: Path) -> tuple[Label, ...]:
    """Reads the labels of a model written by :func:`effq_core.models.build.save_model`."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return tuple(Label(**label) for label in config["labels"])


def read_family(folder: Path) -> Family:
    """Reads which family a model written by :func:`effq_core.models.build.save_model` is of."""
    model = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
    return FAMILIES[ARCHITECTURE] if is_own(model) else family_of(get_model(model))
