from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from effq_core.base.errors import DatasetError
from effq_core.models.catalogue import get_model
from effq_core.models.families.family import HEAD
from effq_core.models.head import VALIDATION_SHARE, feature_model, train_head

CARD = get_model("efficientnet_lite0_imagenet")


def softmax(logits: np.ndarray) -> np.ndarray:
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=1, keepdims=True))


def clusters(classes: int, n: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of the size of Lite0's around one centre a class, classes in turn."""
    rng = np.random.default_rng(classes)
    centres = rng.normal(0, 1, (classes, 1280))
    labels = np.arange(n) % classes
    features = 3 * centres[labels] + rng.normal(0, spread, (n, 1280)) + 5
    return features.astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 11])
def test_the_new_head_is_a_logistic_regression_on_the_models_features(
    lite0: Any, images: np.ndarray, classes: int
) -> None:
    features, labels = clusters(classes, 110, spread=20)
    model, report = train_head(lite0, CARD, features, labels, classes=classes)
    held_out = round(110 * VALIDATION_SHARE)
    fit = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    fit.fit(features[held_out:], labels[held_out:])
    kernel, bias = model.get_layer(HEAD).get_weights()
    assert (kernel.shape, bias.shape) == ((1280, classes), (classes,))
    np.testing.assert_allclose(
        softmax(features @ kernel + bias), fit.predict_proba(features), atol=2e-3
    )
    assert report.right == round(fit.score(features[:held_out], labels[:held_out]) * held_out)
    assert (report.classes, report.trained_on, report.validated_on) == (classes, 88, 22)
    assert report.converged
    assert 0 < report.iterations < 500
    # What the model answers to photos is that regression of what it sees in them.
    pixels = images.astype(np.float32)
    seen = feature_model(lite0)(pixels, training=False).numpy()
    np.testing.assert_allclose(
        model(pixels, training=False).numpy(), softmax(seen @ kernel + bias), atol=1e-5
    )


def test_the_reported_accuracy_is_that_of_images_it_was_not_fitted_to(lite0: Any) -> None:
    features, labels = clusters(3, 60, spread=1)
    labels = labels.copy()
    labels[:12] = (labels[:12] + 1) % 3  # the held-out fifth is mislabelled
    _, report = train_head(lite0, CARD, features, labels, classes=3)
    assert (report.right, report.validated_on) == (0, 12)
    assert report.low == 0
    assert report.high == pytest.approx(0.2425, abs=1e-3)  # Wilson's, of 0 among 12
    assert report.method.startswith("multinomial logistic regression")


def test_features_are_what_the_head_sees(lite0: Any, images: np.ndarray) -> None:
    pixels = images.astype(np.float32)
    features = feature_model(lite0)(pixels, training=False).numpy()
    assert features.shape == (len(images), 1280)
    kernel, bias = lite0.get_layer(HEAD).get_weights()
    np.testing.assert_allclose(
        softmax(features @ kernel + bias), lite0(pixels, training=False).numpy(), atol=1e-5
    )


@pytest.mark.parametrize(
    ("labels", "classes", "missing"),
    [
        (np.zeros(50, np.int64), 2, "1 of 2"),
        (np.arange(50) % 3, 5, "2 of 5"),
        # The third class is in the held-out fifth only.
        (np.array([2] * 10 + [0, 1] * 20), 3, "1 of 3"),
    ],
)
def test_a_class_without_an_image_to_train_on_is_refused(
    lite0: Any, labels: np.ndarray, classes: int, missing: str
) -> None:
    features = np.zeros((len(labels), 1280), np.float32)
    with pytest.raises(DatasetError, match=f"no image of {missing} classes") as caught:
        train_head(lite0, CARD, features, labels, classes=classes)
    assert "larger training size" in caught.value.hint


def test_a_feature_that_never_changes_does_no_harm(lite0: Any) -> None:
    features, labels = clusters(3, 60, spread=1)
    features[:, :100] = 7.0
    model, report = train_head(lite0, CARD, features, labels, classes=3)
    assert report.right == report.validated_on
    assert np.isfinite(model.get_layer(HEAD).get_weights()[0]).all()
