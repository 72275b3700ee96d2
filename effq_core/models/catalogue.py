"""The models EffQ knows: those of all families, and people's own. Imports no TensorFlow."""

import json
from pathlib import Path

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.models.card import Label, ModelCard
from effq_core.models.families.family import FAMILIES, MODELS, Family, family_of
from effq_core.models.own.card import ARCHITECTURE, get_own, is_own

__all__ = ["CONFIG", "MODELS", "get_model", "read_family", "read_labels"]
CONFIG = "model.json"


def read_labels(folder: Path) -> tuple[Label, ...]:
    """Reads the labels of a model written by :func:`effq_core.models.build.save_model`."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return tuple(Label(**label) for label in config["labels"])


def read_family(folder: Path) -> Family:
    """Reads which family a model written by :func:`effq_core.models.build.save_model` is of."""
    model = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model"]
    return FAMILIES[ARCHITECTURE] if is_own(model) else family_of(get_model(model))


def get_model(model_id: str, home: Home | None = None) -> ModelCard:
    """Looks a model up, or raises ModelError, or StoreError if an added one's card is damaged."""
    if home is not None and is_own(model_id):
        return get_own(model_id, home)
    try:
        return MODELS[model_id]
    except KeyError:
        raise ModelError(
            f"There is no model {model_id!r}.", f"Choose from: {', '.join(MODELS)}."
        ) from None
