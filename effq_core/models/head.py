"""A new softmax head for classes a model does not know, on frozen features (imports TensorFlow)."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from effq_core.base.errors import DatasetError
from effq_core.base.intervals import wilson
from effq_core.base.tensorflow import keras
from effq_core.models.build import replace_head
from effq_core.models.card import ModelCard
from effq_core.models.families.family import FEATURES, HEAD

VALIDATION_SHARE = 0.2  # held out from the start, where fine-tuning holds out its own
METHOD = "multinomial logistic regression (L2, C = 1) on the model's frozen, standardised features"
"""How a head is trained, for people."""

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class HeadReport:
    """How a new head was trained and how well it does."""

    classes: int  # width of the head
    trained_on: int  # images it was fitted to
    validated_on: int  # held-out images
    right: int  # held-out images classified rightly
    iterations: int  # of the solver
    converged: bool  # whether the solver stopped by itself
    low: float  # lower end of the Wilson 95 % interval of the held-out accuracy
    high: float
    method: str = METHOD  # how it was trained


def feature_model(model: Any) -> Any:
    """Returns the part of a model before its head: images to float32 ``(n, features)``."""
    return keras.Model(model.input, model.get_layer(FEATURES).output)


def train_head(
    model: Any, card: ModelCard, features: _Array, labels: _Array, *, classes: int
) -> tuple[Any, HeadReport]:
    """Replaces a model's head by one fitted to features; tells how well that does on others.

    By :data:`METHOD`, folded into its weights. Takes float32 ``(n, features)`` and int64 ``(n,)``.
    Raises DatasetError if a class has no image to train on.
    """
    held_out = max(1, round(len(labels) * VALIDATION_SHARE))
    train_x, train_y = features[held_out:], labels[held_out:]
    missing = sorted(set(range(classes)) - set(train_y.tolist()))
    if missing:
        raise DatasetError(
            f"The training sample has no image of {len(missing)} of {classes} classes.",
            "Choose a larger training size, or add photos to the small classes.",
        )
    mean, deviation = train_x.mean(axis=0), train_x.std(axis=0) + 1e-6
    with warnings.catch_warnings():
        # Told to the user as `converged`, not on a terminal nobody sees.
        warnings.simplefilter("ignore")
        # Small products: several BLAS threads only wait for each other, 40 times as long.
        with threadpool_limits(limits=1, user_api="blas"):
            fit = LogisticRegression(C=1.0, max_iter=500)
            fit.fit((train_x - mean) / deviation, train_y)
    coefficients, intercept = _both_classes(fit)
    kernel = (coefficients / deviation).T.astype(np.float32)
    bias = (intercept - coefficients @ (mean / deviation)).astype(np.float32)
    new = replace_head(model, card, classes)
    new.get_layer(HEAD).set_weights([kernel, bias])
    answers = (features[:held_out] @ kernel + bias).argmax(axis=1)
    iterations = int(np.max(fit.n_iter_))
    right = int((answers == labels[:held_out]).sum())
    low, high = wilson(right, held_out)
    done = iterations < 500
    return new, HeadReport(classes, len(train_y), held_out, right, iterations, done, low, high)


def _both_classes(fit: Any) -> tuple[_Array, _Array]:
    """Returns one row a class; scikit-learn keeps a single row for two classes."""
    coefficients, intercept = np.asarray(fit.coef_), np.asarray(fit.intercept_)
    if len(coefficients) > 1:
        return coefficients, intercept
    # A sigmoid of z is a softmax of (-z/2, z/2).
    return np.vstack([-coefficients, coefficients]) / 2, np.hstack([-intercept, intercept]) / 2
