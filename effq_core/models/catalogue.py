"""The models EffQ knows: those of all families, and people's own. Imports no TensorFlow."""

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.models.card import ModelCard
from effq_core.models.families.family import MODELS
from effq_core.models.own.card import get_own, is_own

__all__ = ["MODELS", "get_model"]


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
