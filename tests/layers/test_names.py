"""The names that can be kept in floats are known before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Mixed
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.layers.names import names_of
from effq_core.models.build import open_own
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import MODELS
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import GRAPH_FILE, OwnCard, Preprocessing
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.pipeline.plan import build_plan
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.tflite.network import read_network
from tests.models.own_files import SIDE, Kept, classifier, small_body


def _converted(model: Any, folder: Path) -> Any:
    freeze(model, folder / "saved")
    return read_network(convert(folder / "saved", "float32")).names


@pytest.mark.parametrize("card", MODELS.values(), ids=lambda card: card.id)
def test_a_bundled_models_names_are_those_of_its_file(card: ModelCard, tmp_path: Path) -> None:
    from effq_core.models.families.family import family_of

    model = family_of(card).build(card, classes=3, image_size=32)
    assert names_of(card) == _converted(model, tmp_path)


def test_the_names_of_a_model_of_ones_own_are_those_of_its_file(tmp_path: Path) -> None:
    from effq_core.intake.flatten import flatten
    from effq_core.models.own.flat import build_flat

    made = flatten(classifier(), SIDE, None, add_softmax=False)
    assert made.problems == ()
    made.flat.write(tmp_path)
    known, found = names_of(Kept(tmp_path)), _converted(build_flat(made.flat), tmp_path)
    assert known is not None
    assert set(known.layers) == set(found.layers)
    assert known.groups == found.groups
    kept = {name for each in known.layers.values() for name in each}
    assert {name for each in found.layers.values() for name in each} <= kept


def test_a_models_names_are_kept_on_its_card_and_checked_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(keras: Any, x: Any) -> Any:  # kept as a graph: its layers are not known one by one
        return small_body(keras, keras.layers.LeakyReLU()(x))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home, classes = Home(tmp_path / "home"), PhotoPatches().class_names
    classifier(body=odd, classes=len(classes)).save(str(tmp_path / "m.keras"))
    offer = Offer("m.keras", parse_labels("\n".join(classes)), Preprocessing.INSIDE)
    card = keep(home, check(home, tmp_path / "m.keras", offer), "Mine")
    assert isinstance(card, OwnCard)
    assert (card.folder / GRAPH_FILE).is_file()
    names = _converted(open_own(card), tmp_path)
    assert names_of(card) == names
    layer = names.blocks[-1][1][-1]
    build_plan(_keeping(layer, model=card.id, dataset="photo_patches"), home)
    with pytest.raises(ModelError, match=f"or group '{layer}x'") as caught:
        build_plan(_keeping(f"{layer}x", model=card.id, dataset="photo_patches"), home)
    assert f"Did you mean {layer}?" in caught.value.hint


def _keeping(*names: str, **choices: Any) -> Experiment:
    return Experiment(variants=("int8_mixed",), mixed=Mixed(keep=names), **choices)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("block9z", "Blocks: stem, block1a, block2a"),
        ("residual", "Did you mean residuals?"),
        ("blok4b", "Did you mean block4b?"),
        ("depth", "Groups: residuals, depthwise, squeeze_excite."),
        ("block4b_dwconv", "Layers of block4b: block4b_expand_conv, block4b_dwconv2,"),
    ],
)
def test_a_name_no_model_has_is_refused_before_anything_is_made(
    name: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"no block, layer or group '{name}'") as caught:
        build_plan(_keeping("head", name), Home(tmp_path))
    assert said in caught.value.hint


def test_blocks_layers_and_groups_are_taken(tmp_path: Path) -> None:
    names = "head", "block4b_dwconv2", "residuals", "normalise"
    assert "convert:int8_mixed" in build_plan(_keeping(*names), Home(tmp_path))
