"""What building, QAT, the Layers page and the catalogue ask of a family, asked of each there is."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import EffqError, InputError, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Mixed
from effq_core.intake.flatten import flatten
from effq_core.measure.gates.fake_quant_count import expected_fake_quant, fake_quant_gate
from effq_core.measure.gates.no_float_tensors import no_float_gate
from effq_core.models.build import build_model, load_model, replace_head, save_model
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import MODELS, get_model, read_family
from effq_core.models.families.family import (
    FAMILIES,
    FEATURES,
    HEAD,
    NORMALISE,
    Family,
    family_of,
    register,
)
from effq_core.models.own.card import ARCHITECTURE
from effq_core.models.weights import write_weights
from effq_core.pipeline.plan import build_plan
from effq_core.quantize.convert import convert
from effq_core.quantize.finetune import observe_ranges
from effq_core.quantize.freeze import freeze
from effq_core.quantize.qat_scheme import insert_fake_quant
from effq_core.runtimes.registry import inspect_file
from tests.models.families.toy import CARD, TOY
from tests.models.own_files import SIDE, Kept, classifier

NAMES = [*FAMILIES, TOY.name]
QUANTIZED = {"efficientnetv2", "efficientnet_lite"}
"""Families whose fake-quant ``tests/quantize/test_qat_scheme.py`` asks for: it takes a minute."""
DOCS = Path(__file__).parents[3] / "docs" / "guide" / "models.md"
pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(params=NAMES)
def family(request: pytest.FixtureRequest, toy: Family) -> Family:
    return FAMILIES[request.param]


@pytest.fixture
def card(family: Family, tmp_path: Path) -> ModelCard:
    """One of its models; a person's own is made here."""
    if family.name != ARCHITECTURE:
        return family.cards[0]
    made = flatten(classifier(), SIDE, None, add_softmax=False)
    made.flat.write(tmp_path)
    return Kept(tmp_path)


def test_a_model_is_built_with_the_layers_all_else_goes_by(card: ModelCard) -> None:
    model = family_of(card).build(card, classes=3, image_size=SIDE)
    assert model.input_shape[1:3] == (SIDE, SIDE) and model.output_shape == (None, 3)
    assert {NORMALISE, FEATURES, HEAD} <= {layer.name for layer in model.layers}
    assert replace_head(model, card, 5).output_shape == (None, 5)
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(model(pixels).numpy().sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("family", [n for n in NAMES if n not in QUANTIZED], indirect=True)
def test_its_fake_quant_leaves_no_operator_in_floats(card: ModelCard, tmp_path: Path) -> None:
    model = family_of(card).build(card, classes=3, image_size=SIDE)
    images = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3)).astype(np.uint8)
    path = tmp_path / "float32.tflite"
    freeze(model, tmp_path / "saved")
    path.write_bytes(convert(tmp_path / "saved", "float32"))
    wanted = expected_fake_quant(inspect_file(path))
    fake = insert_fake_quant(model, family_of(card).fake_quant)
    observe_ranges(fake, images, SilentReporter())
    gate = fake_quant_gate(freeze(fake, tmp_path / "qat"), wanted)
    path.write_bytes(convert(tmp_path / "qat", "qat"))
    assert gate.passed, gate.detail
    assert no_float_gate(inspect_file(path)).passed


def test_its_models_are_in_the_catalogue_and_in_the_guide(family: Family) -> None:
    for card in family.cards:
        assert get_model(card.id) is card and card.head_labels and card.image_size
        assert all((card.title, card.licence, card.source, card.summary, card.weights.file))
        if family is not TOY:
            assert card.id in DOCS.read_text(encoding="utf-8")


def test_an_unknown_architecture_is_refused_with_those_there_are() -> None:
    card = replace(get_model("efficientnet_lite0_imagenet"), architecture="resnet50")
    with pytest.raises(InputError, match="'resnet50'") as caught:
        family_of(card)
    known = [name for each in FAMILIES.values() for name in each.architectures]
    assert "efficientnetv2_b0" in known and ", ".join(known) in caught.value.hint
    with pytest.raises(EffqError, match="no model family 'resnet'"):
        FAMILIES["resnet"]


@pytest.mark.parametrize(
    "again",
    [
        TOY,
        replace(TOY, name="other", cards=()),
        replace(TOY, name="other", architectures=("two",)),
        replace(TOY, name="other", architectures=("two",), cards=(replace(CARD, id="two"),)),
    ],
    ids=["family", "architecture", "model", "model of another"],
)
def test_nothing_is_known_twice(again: Family) -> None:
    before = list(MODELS), list(FAMILIES)
    with pytest.raises(InputError):
        register(again)
    assert (list(MODELS), list(FAMILIES)) == before


def test_models_without_a_network_come_first() -> None:
    bundled = [card.bundled for card in MODELS.values()]
    assert bundled == sorted(bundled, reverse=True) and False in bundled
    for each in (True, False):
        heads = [len(card.head_labels) for card in MODELS.values() if card.bundled is each]
        assert heads == sorted(heads)


def test_a_family_from_outside_is_downloaded_built_kept_and_planned(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, image = Home(tmp_path / "home"), np.full((1, 32, 32, 3), 90, np.float32)
    trained = TOY.build(CARD, classes=10, image_size=32)
    write_weights(trained, server.folder / "toy.npz")
    content = (server.folder / "toy.npz").read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    weights = replace(CARD.weights, url=f"{server.url}toy.npz", md5=md5)
    card = replace(CARD, weights=weights)
    monkeypatch.setitem(MODELS, CARD.id, card)
    model = build_model(card, home, SilentReporter())
    np.testing.assert_allclose(model(image).numpy(), trained(image).numpy(), atol=1e-6)
    save_model(model, card, card.head_labels, tmp_path)
    assert read_family(tmp_path) is TOY and load_model(tmp_path)[1] == card.head_labels

    mixed = Mixed(keep=("block1a_conv",))
    plan = build_plan(
        Experiment(model=card.id, variants=("int8", "int8_qat", "int8_mixed"), mixed=mixed), home
    )
    assert plan["model"].params["model"] == card.id
    with pytest.raises(ModelError, match="'block2a'"):
        build_plan(
            Experiment(
                model=card.id, variants=("int8_mixed",), mixed=replace(mixed, keep=("block2a",))
            ),
            home,
        )


def test_families_are_known_without_tensorflow() -> None:
    code = (
        "import sys; from effq_core.layers.names import names_of;"
        "from effq_core.models.catalogue import MODELS;"
        "assert all(names_of(card) for card in MODELS.values());"
        "assert not {'tensorflow', 'tf_keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
