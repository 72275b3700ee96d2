"""Ready .tflite files people bring: checked, kept as they are, fed what they were trained with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effq_core.base.errors import ExperimentError, ModelError
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.experiment import Experiment
from effq_core.experiment.variants import Ranges, get_variant, in_catalogue_order
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.models.card import Normalisation
from effq_core.models.class_names import parse_labels
from effq_core.models.file_input import FEEDING_FILE, Feeding, TensorSpec, input_table, read_feeding
from effq_core.models.own.card import Preprocessing
from effq_core.models.own.ready import ReadyFile, get_ready, ready_files
from effq_core.photos.image_input import ImageInput
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.plan_model import ready_stage
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import Model
from effq_core.store.database import Database
from tests.models.own_files import SIDE, TINY_LABELS, byte_fed_tflite, classifier, pooled

OFFER = Offer("net.tflite", parse_labels("\n".join(TINY_LABELS)), Preprocessing.IMAGENET)


@pytest.fixture(scope="module")
def model() -> object:
    return classifier(2, lambda keras, x: pooled(keras, keras.layers.Conv2D(6, 3)(x)))


@pytest.fixture(scope="module")
def tflite(model: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    freeze(model, folder / "frozen")
    path = folder / "net.tflite"
    path.write_bytes(convert(folder / "frozen", "float32"))
    return path


def kept(home: Home, tflite: Path) -> ReadyFile:
    card = keep(home, check(home, tflite, OFFER), "My net")
    assert isinstance(card, ReadyFile)
    return card


def test_a_file_is_kept_as_it_is_and_is_a_variant_of_its_own(home: Home, tflite: Path) -> None:
    card = kept(home, tflite)
    assert (card.variant, card.image_size, card.input_type) == ("file_my_net", SIDE, "float32")
    assert card.read() == tflite.read_bytes()
    assert ready_files(home) == (card,)
    variant = get_variant(card.variant)
    assert (variant.ranges, variant.symbol) == (Ranges.NONE, "hexagon")
    assert in_catalogue_order(["file_my_net", "int8", "float32"])[-1] == "file_my_net"
    database = Database(home.database)
    try:
        remove_item(home, database, card.variant)
    finally:
        database.close()
    assert ready_files(home) == ()


def test_a_file_that_was_changed_is_refused(home: Home, tflite: Path) -> None:
    card = kept(home, tflite)
    (card.folder / "model.tflite").write_bytes(b"other")
    with pytest.raises(ModelError, match="not the one that was checked"):
        card.read()


@pytest.mark.parametrize("name", ["file_", "file_../x", "file_A", "file_a__b"])
def test_names_no_path_can_be_made_of_are_refused(name: str, home: Home) -> None:
    with pytest.raises(ModelError):
        get_ready(name, home)


def test_the_model_is_fed_what_it_was_trained_with(
    model: object, tflite: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite.read_bytes())
    normalisation = Preprocessing.IMAGENET.normalisation
    assert normalisation is not None
    Feeding(normalisation.scale, normalisation.offset).write(path)
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    given = photo * np.float32(normalisation.scale) + np.float32(normalisation.offset)
    expected = np.asarray(model(given[None].astype(np.float32), training=False))[0]  # type: ignore[operator]
    np.testing.assert_allclose(Model(path).predict(photo), expected, atol=1e-5)
    (path.with_name(FEEDING_FILE)).write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        Model(path)


def test_what_a_file_was_fed_before_its_rounding_changed_is_not_used_again(
    home: Home, tflite: Path, tmp_path: Path
) -> None:
    for i, label in enumerate(TINY_LABELS):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for shade in range(4):
            photo = Image.new("RGB", (SIDE, SIDE), (40 * i, 10 * shade, 99))
            photo.save(tmp_path / "photos" / label / f"{shade}.png")
    card = kept(home, tflite)
    asked = Experiment(dataset=f"folder:{tmp_path / 'photos'}", variants=("float32", card.variant))
    plan = build_plan(asked, home)
    assert plan[f"convert:{card.variant}"].stage.version == 2


def test_a_file_stands_only_beside_runs_with_its_classes(home: Home, tflite: Path) -> None:
    card = kept(home, tflite)
    params, entry = ready_stage(card.variant, home, TINY_LABELS)
    numbered = [f"{i}_{name.title()}" for i, name in enumerate(TINY_LABELS)]
    assert ready_stage(card.variant, home, numbered) == (params, entry), "the same classes"
    assert (params["sha256"], entry) == (card.sha256, ImageInput(SIDE))
    with pytest.raises(ExperimentError, match="4 classes, the run 2"):
        ready_stage(card.variant, home, TINY_LABELS[:2])
    with pytest.raises(ExperimentError, match="output 1 is 'astronaut', not 'clock'"):
        ready_stage(card.variant, home, TINY_LABELS[::-1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x1c\0\0\0TFL3" + b"\xff" * 200, "cannot be read, or has operators LiteRT"),
        (b"\x1c\0\0\0TFL3", "cannot be read, or has operators LiteRT"),
    ],
    ids=["garbage", "truncated"],
)
def test_a_broken_file_is_refused(content: bytes, reason: str, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason) as error:
        check(home, path, OFFER)
    assert "built-in operators only" in error.value.hint


def test_labels_of_another_number_are_refused(home: Home, tflite: Path) -> None:
    with pytest.raises(ModelError, match="2 labels, and the file has 4 outputs"):
        check(home, tflite, replace(OFFER, labels=parse_labels("a\nb")))


def test_channels_are_fed_in_their_order(model: object, tflite: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite.read_bytes())
    caffe = Preprocessing.CAFFE.normalisation
    assert caffe is not None
    Feeding(caffe.scale, caffe.offset, caffe.order).write(path)
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    given = photo[..., ::-1].astype(np.float32) - np.float32([103.939, 116.779, 123.68])
    expected = np.asarray(model(given[None], training=False))[0]  # type: ignore[operator]
    np.testing.assert_allclose(Model(path).predict(photo), expected, atol=1e-5)


@pytest.fixture(scope="module")
def bytes_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return byte_fed_tflite(tmp_path_factory.mktemp("bytes"))


def test_a_quantized_input_is_fed_the_photos_bytes_where_0_to_255_does_not_fit(
    home: Home, bytes_file: Path
) -> None:
    checked = check(home, bytes_file, replace(OFFER, preprocessing=Preprocessing.RAW))
    assert any("fed each photo's bytes as they are" in note for note in checked.report["notes"])
    card = keep(home, checked, "Bytes")
    assert isinstance(card, ReadyFile)
    assert get_ready(card.variant, home) == card
    params, _ = ready_stage(card.variant, home, TINY_LABELS)
    path = home.models / "m.tflite"
    path.write_bytes(card.read())
    Feeding(**params["preprocessing"]).write(path)
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Model(path).prepare(photo)[0], photo)


def test_a_quantized_input_never_gets_three_values_in_silence(
    home: Home, bytes_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"holds -0.99.* only 2 of 256 pixel"):
        Model(bytes_file)  # also where its card was written before that was looked at
    with pytest.raises(ModelError, match=r"cannot be fed|stay apart"):
        check(home, bytes_file, replace(OFFER, preprocessing=Preprocessing.CAFFE))
    with pytest.raises(ModelError, match=r"only 12[89] of 256 pixel values stay apart") as half:
        check(home, bytes_file, replace(OFFER, preprocessing=Preprocessing.ZERO_ONE))
    assert half.value.hint == "Choose the preprocessing the model was trained with."
    fits = check(home, bytes_file, replace(OFFER, preprocessing=Preprocessing.MINUS_ONE_ONE))
    assert not any("of 256" in note for note in fits.report["notes"])


@pytest.mark.parametrize("channels", [1, 3])
def test_only_what_says_something_is_written_beside_a_file(tmp_path: Path, channels: int) -> None:
    assert not Feeding.of(None, channels).is_needed
    assert Feeding.of(None, channels, softmax=True).is_needed
    values = Normalisation.centred(0, 255).for_channels(channels)
    fed = Feeding.of(values, channels)
    assert fed.is_needed and fed.normalisation == values
    fed.write(tmp_path / "m.tflite")
    assert read_feeding(tmp_path / "m.tflite") == fed


def test_half_a_step_is_rounded_up_so_that_no_two_pixel_values_meet() -> None:
    tensor = TensorSpec((1, 8, 8, 3), np.dtype(np.uint8), 1 / 127.5, 127)
    table = input_table(Path("x"), tensor, Feeding((1 / 127.5,) * 3, (-1.0,) * 3))
    assert len(np.unique(table[0])) >= 255


def test_scores_of_a_file_get_a_softmax_and_are_never_per_cent(home: Home, tmp_path: Path) -> None:
    path = byte_fed_tflite(tmp_path, softmax=False)
    checked = check(home, path, replace(OFFER, preprocessing=Preprocessing.MINUS_ONE_ONE))
    assert (checked.report["softmax"], checked.report["probabilities"]) == (True, True)
    card = keep(home, checked, "Scores")
    assert isinstance(card, ReadyFile)
    params, _ = ready_stage(card.variant, home, TINY_LABELS)
    assert params["softmax"] is True
    given = tmp_path / "given.tflite"
    given.write_bytes(card.read())
    Feeding(**params["preprocessing"], softmax=True).write(given)
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert Model(given).predict(photo).sum() == pytest.approx(1, abs=1e-5)
    told = replace(checked, report={**checked.report, "probabilities": False})
    assert (told.shown(5.25), checked.shown(0.525)) == ("5.25", "52.5 %")
