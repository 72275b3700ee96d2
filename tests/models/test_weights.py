from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from effq_core.base.errors import DownloadError, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import ASSETS, Home
from effq_core.models import weights as module
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import get_model
from effq_core.models.families.family import NORMALISE
from effq_core.models.weights import load_weights, locate_weights, read_weights, write_weights

import tf_keras as keras

LITE0 = ASSETS / "weights" / "efficientnet_lite0_imagenet.npz"
V2 = ASSETS / "weights" / "efficientnetv2_b0_imagenette.npz"
SILENT = SilentReporter()


@pytest.fixture
def tiny() -> Any:
    return keras.Sequential(
        [
            keras.layers.InputLayer((4, 4, 3)),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(5, name="dense"),
        ]
    )


def tiny_weights() -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    shapes = {
        "conv": [(3, 3, 3, 2), (2,)],
        "norm": [(2,), (2,), (2,), (2,)],
        "dense": [(8, 5), (5,)],
    }
    return {
        name: [rng.normal(size=shape).astype(np.float32) for shape in given_shapes]
        for name, given_shapes in shapes.items()
    }


def save(path: Path, arrays: dict[str, Any]) -> Path:
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


def change(**arrays: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    return {**tiny_weights(), **arrays}


def test_bundled_files_are_float32_arrays_by_layer() -> None:
    weights = read_weights(LITE0)
    assert weights["stem_conv"][0].shape == (3, 3, 3, 32)
    assert weights["block2a_dwconv"][0].shape == (3, 3, 96, 1)
    assert [array.shape for array in weights["stem_bn"]] == [(32,)] * 4
    assert [array.shape for array in weights["predictions"]] == [(1280, 1000), (1000,)]
    assert {array.dtype for arrays in weights.values() for array in arrays} == {np.dtype("f4")}
    assert all(np.isfinite(array).all() for arrays in weights.values() for array in arrays)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.data())
def test_written_weights_are_read_back_bit_for_bit(
    tiny: Any, tmp_path: Path, data: st.DataObject
) -> None:
    values = st.floats(width=32, allow_nan=False, allow_infinity=False)
    for layer in tiny.layers:
        layer.set_weights(
            [data.draw(hnp.arrays(np.float32, w.shape, elements=values)) for w in layer.weights]
        )
    write_weights(tiny, tmp_path / "w.npz")
    found = read_weights(tmp_path / "w.npz")
    assert list(found) == ["conv", "norm", "dense"]
    for layer in tiny.layers:
        for a, b in zip(layer.get_weights(), found.get(layer.name, []), strict=True):
            assert a.tobytes() == b.tobytes()


def test_more_than_nine_arrays_of_a_layer_keep_their_order(tmp_path: Path) -> None:
    arrays = {f"rnn/{i}": np.full(1, i) for i in (10, 2, 0, 1, 3, 11, 4, 5, 6, 7, 8, 9)}
    found = read_weights(save(tmp_path / "w.npz", arrays))["rnn"]
    assert [int(array[0]) for array in found] == list(range(12))


def test_weights_go_to_the_layers_of_their_names(tiny: Any) -> None:
    weights = tiny_weights()
    load_weights(tiny, weights, "tiny.npz", skip=frozenset())
    for name, arrays in weights.items():
        for a, b in zip(tiny.get_layer(name).get_weights(), arrays, strict=True):
            assert np.array_equal(a, b)


def test_a_skipped_layer_keeps_what_it_has(tiny: Any) -> None:
    before = tiny.get_layer("conv").get_weights()
    weights = {name: arrays for name, arrays in tiny_weights().items() if name != "conv"}
    load_weights(tiny, weights, "tiny.npz", skip=frozenset({"conv"}))
    assert all(map(np.array_equal, before, tiny.get_layer("conv").get_weights()))


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ({n: a for n, a in tiny_weights().items() if n != "norm"}, "no weights of layer 'norm'"),
        (change(other=[np.zeros(1)]), "weights of unknown layers: other"),
        (change(dense=[np.zeros((5, 8)), np.zeros(5)]), "layer 'dense' has shapes"),
        (change(dense=[np.zeros((8, 5))]), "layer 'dense' has shapes"),
        (change(norm=[np.zeros(2)] * 5), "layer 'norm' has shapes"),
        (change(conv=[np.zeros((1, 3, 3, 3, 2)), np.zeros(2)]), "layer 'conv' has shapes"),
        ({}, "no weights of layer 'conv'"),
    ],
    ids=["missing", "unknown", "transposed", "without bias", "too many", "rank", "empty"],
)
def test_weights_that_do_not_fit_are_refused_with_file_and_layer(
    tiny: Any, weights: dict[str, list[np.ndarray]], named: str
) -> None:
    with pytest.raises(ModelError) as caught:
        load_weights(tiny, weights, "some.npz", skip=frozenset())
    assert named in caught.value.message
    assert caught.value.message.startswith("some.npz")
    assert "another architecture" in caught.value.hint


def test_shapes_that_differ_are_both_in_the_message(tiny: Any) -> None:
    with pytest.raises(ModelError) as caught:
        load_weights(tiny, change(dense=[np.zeros((9, 5)), np.zeros(5)]), "w", skip=frozenset())
    assert "[(9, 5), (5,)], the model needs [(8, 5), (5,)]" in caught.value.message


def test_weights_of_another_architecture_are_refused(lite0: Any, v2: Any) -> None:
    for model, path in ((lite0, V2), (v2, LITE0)):
        with pytest.raises(ModelError, match=f"{path.name} has weights of unknown layers"):
            load_weights(model, read_weights(path), path.name, skip=frozenset({NORMALISE}))


def truncated(path: Path) -> None:
    path.write_bytes(LITE0.read_bytes()[:100_000])


def flipped(path: Path) -> None:
    content = bytearray(LITE0.read_bytes())
    content[5_000_000:5_000_010] = bytes(10)
    path.write_bytes(content)


def unpicklable(path: Path) -> None:
    save(path, {"conv/0": np.array([{"a": 1}], dtype=object)})


def absent(path: Path) -> None:
    """Writes nothing."""


@pytest.mark.parametrize(
    "damage",
    [
        *(truncated, flipped, unpicklable, absent, Path.mkdir),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"<html>log in first</html>"),
        lambda path: save(path, {"conv": np.zeros(3)}),
        lambda path: save(path, {"conv/1": np.zeros(3)}),
        lambda path: save(path, {"conv/0": np.array(["text"])}),
    ],
    ids=[
        *("truncated", "flipped", "pickle", "missing", "folder"),
        *("empty", "html", "no index", "gap", "text"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_an_unreadable_file_is_refused_by_its_name(
    damage: Callable[[Path], Any], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    damage(path)
    with pytest.raises(ModelError, match=r"weights\.\w+ is not a readable file of weights") as e:
        read_weights(path)
    assert "'layer/i'" in e.value.hint
    assert ".h5" in e.value.hint


def test_keras_h5_files_are_read_with_and_without_their_outer_group(
    tiny: Any, tmp_path: Path
) -> None:
    load_weights(tiny, tiny_weights(), "tiny", skip=frozenset())
    tiny.save_weights(tmp_path / "weights.h5")
    tiny.save(tmp_path / "model.h5", include_optimizer=False)
    for name in ("weights.h5", "model.h5"):
        found = read_weights(tmp_path / name)
        assert list(found) == ["conv", "norm", "dense"]
        for layer, arrays in tiny_weights().items():
            assert all(map(np.array_equal, found[layer], arrays)), layer


def test_an_h5_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["photos"] = np.zeros(3)
    with pytest.raises(ModelError, match="layer_names"):
        read_weights(tmp_path / "data.h5")


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose bundled weights can be damaged."""
    monkeypatch.setattr(module, "ASSETS", tmp_path / "assets")
    folder = tmp_path / "assets" / "weights"
    folder.mkdir(parents=True)
    return folder


def test_bundled_weights_are_found_and_checked(nowhere: Home) -> None:
    assert locate_weights(get_model("efficientnet_lite0_imagenet"), nowhere, SILENT) == LITE0
    assert locate_weights(get_model("efficientnetv2_b0_imagenette"), nowhere, SILENT) == V2


def test_missing_bundled_weights_are_named(assets: Path, nowhere: Home) -> None:
    with pytest.raises(ModelError, match=rf"{assets / LITE0.name} are missing") as caught:
        locate_weights(get_model("efficientnet_lite0_imagenet"), nowhere, SILENT)
    assert caught.value.hint == "Install EffQ again."


def test_one_changed_byte_of_bundled_weights_is_noticed(assets: Path, nowhere: Home) -> None:
    content = bytearray(LITE0.read_bytes())
    content[1_000_000] ^= 1
    (assets / LITE0.name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{LITE0.name} are damaged"):
        locate_weights(get_model("efficientnet_lite0_imagenet"), nowhere, SILENT)


def downloadable(server: Any, content: bytes) -> ModelCard:
    """Returns the downloaded model's card with its weights on localhost."""
    card = get_model("efficientnetv2_b0_imagenet")
    (server.folder / card.weights.file).write_bytes(content)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    weights = replace(card.weights, url=server.url + card.weights.file, md5=md5)
    return replace(card, weights=weights)


def test_weights_are_downloaded_once(server: Any, tmp_path: Path) -> None:
    home, card = Home(tmp_path / "home"), downloadable(server, b"weights " * 1000)
    path = locate_weights(card, home, SILENT)
    assert path == home.models / "efficientnetv2-b0.h5"
    assert path.read_bytes() == b"weights " * 1000
    assert locate_weights(card, home, SILENT) == path
    assert server.asked == ["/efficientnetv2-b0.h5"]


def test_damaged_weights_in_the_store_are_downloaded_again(server: Any, tmp_path: Path) -> None:
    home, card = Home(tmp_path / "home"), downloadable(server, b"right")
    home.models.mkdir(parents=True)
    (home.models / card.weights.file).write_bytes(b"wrong")
    assert locate_weights(card, home, SILENT).read_bytes() == b"right"


def test_a_download_with_another_hash_is_not_used(server: Any, tmp_path: Path) -> None:
    home, card = Home(tmp_path / "home"), downloadable(server, b"right")
    (server.folder / card.weights.file).write_bytes(b"wrong")
    with pytest.raises(DownloadError, match="md5"):
        locate_weights(card, home, SILENT)
    assert not card.is_present(home)


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path, server: Any) -> None:
    card = downloadable(server, b"right")
    card = replace(card, weights=replace(card.weights, url="http://127.0.0.1:9/x.h5"))
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        locate_weights(card, Home(tmp_path / "home"), SILENT)
    assert "Check the network" in caught.value.hint
