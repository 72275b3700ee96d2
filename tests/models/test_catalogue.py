from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import ModelError
from effq_core.base.settings import ASSETS, Home
from effq_core.models.card import IMAGENETTE_WNIDS, Normalisation, label_set
from effq_core.models.catalogue import MODELS, get_model


def test_imagenets_labels_are_whole_and_in_the_order_of_the_heads() -> None:
    labels = label_set("imagenet")
    assert len(labels) == 1000
    assert (labels[0].name, labels[0].wnid) == ("tench", "n01440764")
    assert labels[217].wnid == "n02102040"
    assert labels[701].name == "parachute"
    wnids = [label.wnid for label in labels]
    # ImageNet-1k is in the order of its WordNet ids.
    assert wnids == sorted(set(wnids))
    assert all(label.name for label in labels)


def test_imagenettes_labels_are_ten_of_imagenets_in_folder_order() -> None:
    labels = label_set("imagenette")
    assert tuple(label.wnid for label in labels) == IMAGENETTE_WNIDS
    assert list(IMAGENETTE_WNIDS) == sorted(IMAGENETTE_WNIDS)
    assert set(labels) <= set(label_set("imagenet"))


@pytest.mark.parametrize(("look_up", "name"), [(get_model, "efficientnet_b7"), (label_set, "coco")])
def test_unknown_names_are_refused(look_up: Any, name: str) -> None:
    with pytest.raises(ModelError, match=f"There is no .* {name!r}"):
        look_up(name)


def test_an_unknown_model_is_answered_with_the_models_there_are() -> None:
    with pytest.raises(ModelError) as caught:
        get_model("resnet50")
    assert caught.value.hint == f"Choose from: {', '.join(MODELS)}."


@pytest.mark.parametrize("card", [c for c in MODELS.values() if c.bundled], ids=lambda c: c.id)
def test_bundled_weights_are_the_files_their_cards_describe(card: Any, tmp_path: Path) -> None:
    content = (ASSETS / "weights" / card.weights.file).read_bytes()
    assert len(content) == card.weights.bytes
    assert hashlib.sha256(content).hexdigest() == card.weights.sha256
    assert card.is_present(Home(tmp_path))


def test_a_downloaded_model_is_present_once_its_file_is_in_the_store(tmp_path: Path) -> None:
    card, home = get_model("efficientnetv2_b0_imagenet"), Home(tmp_path)
    assert not card.bundled
    assert not card.is_present(home)
    home.models.mkdir()
    (home.models / card.weights.file).write_bytes(b"anything")
    assert card.is_present(home)


@pytest.mark.parametrize("card", list(MODELS.values()), ids=lambda c: c.id)
def test_a_card_says_who_made_the_weights_and_on_what_terms(card: Any) -> None:
    for what in ("title", "licence", "source", "summary"):
        assert getattr(card, what).strip()
    # Exactly one hash proves a file: ours for bundled ones, the publisher's for downloads.
    weights = card.weights
    assert (weights.sha256 is None) != (weights.md5 is None)
    assert (weights.md5 is not None) == bool(weights.url)


@given(st.floats(0, 255), st.floats(1, 255), st.integers(0, 255))
def test_a_centred_normalisation_subtracts_then_divides(
    mean: float, divisor: float, value: int
) -> None:
    normalisation = Normalisation.centred(mean, divisor)
    for scale, offset in zip(normalisation.scale, normalisation.offset, strict=True):
        assert value * scale + offset == pytest.approx((value - mean) / divisor, abs=1e-9)


def test_imagenets_normalisation_maps_its_mean_to_zero_and_its_deviation_to_one() -> None:
    normalisation = Normalisation.imagenet()
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    rows = zip(normalisation.scale, normalisation.offset, means, deviations, strict=True)
    for scale, offset, mean, deviation in rows:
        assert 255 * mean * scale + offset == pytest.approx(0, abs=1e-12)
        assert 255 * (mean + deviation) * scale + offset == pytest.approx(1, abs=1e-12)


def test_the_catalogue_imports_no_tensorflow() -> None:
    code = "import sys, effq_core.models.catalogue; print('tensorflow' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr
