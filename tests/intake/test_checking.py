"""Whole files, good and bad, through the real checking process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest

from effq_core.base.errors import Cancelled, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.intake import adding, sandbox
from effq_core.intake.adding import Checked, Offer, check, discard
from effq_core.intake.files import read_file
from effq_core.intake.keeping import keep
from effq_core.intake.sandbox import GIB, Bounds
from effq_core.intake.steps import Step, StepState
from effq_core.models.build import open_own
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing, own_folder
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import Model
from tests.models.own_files import (
    SIDE,
    TINY_LABELS,
    classifier,
    keras_of,
    pooled,
    saved_model_zip,
    tiny_classifier,
    with_custom,
    with_float_operators,
    with_gelu,
    with_lambda,
    with_unknown_layers,
)

OFFER = Offer("m.keras", parse_labels("\n".join(TINY_LABELS)), Preprocessing.INSIDE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "locks"))
    return Home(tmp_path / "home")


def left_behind(home: Home) -> list[Path]:
    checking = own_folder(home) / ".checking"
    return [path for path in checking.iterdir() if path.is_dir()] if checking.exists() else []


def refused(home: Home, path: Path, offer: Offer = OFFER, bounds: Bounds | None = None) -> str:
    """Checks a bad file; returns why it was refused, after making sure that nothing is left."""
    with pytest.raises(ModelError) as error:
        check(home, path, offer, bounds=bounds)
    assert error.value.hint
    assert left_behind(home) == []
    return error.value.message


@pytest.mark.parametrize("major", [2, 3])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_lambda_layer_is_refused_before_anything_could_run_it(
    major: int, ending: str, home: Home, tmp_path: Path
) -> None:
    path = tmp_path / f"evil.{ending}"
    classifier(major, with_lambda).save(str(path))
    before = time.monotonic()
    assert "Lambda layer ('evil')" in refused(home, path)
    assert time.monotonic() - before < 4  # TensorFlow was not even imported


@pytest.mark.parametrize("major", [2, 3])
def test_a_custom_layer_is_refused_by_name(major: int, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "custom.keras"
    classifier(major, with_custom).save(str(path))
    assert "Doubling" in refused(home, path)


def test_a_configuration_that_names_another_module_is_refused(home: Home, tmp_path: Path) -> None:
    good, bad = tiny_classifier(tmp_path), tmp_path / "bad.keras"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        config = json.loads(source.read("config.json"))
        config["config"]["layers"].append(
            {"module": "subprocess", "class_name": "Popen", "config": {"args": ["id"]}}
        )
        target.writestr("config.json", json.dumps(config))
        target.writestr("metadata.json", source.read("metadata.json"))
    assert "subprocess.Popen" in refused(home, bad)


def test_a_saved_model_that_would_write_a_file_is_refused_and_writes_none(
    home: Home, tmp_path: Path
) -> None:
    written = tmp_path / "owned.txt"
    assert "WriteFile" in refused(home, saved_model_zip(tmp_path, writes=written))
    assert not written.exists()


def test_a_saved_model_that_would_save_variables_anywhere_is_refused_before_it_answers(
    tmp_path: Path,
) -> None:
    from effq_core.intake.loading import load
    from effq_core.intake.trying import scores

    # In this process, whose rights nobody has taken away.
    file = read_file(saved_model_zip(tmp_path, saves=tmp_path / "owned"), tmp_path)
    with pytest.raises(ModelError, match="SaveV2"):
        scores(load(file, tmp_path, None).call, np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert not list(tmp_path.glob("owned*"))


def test_a_saved_model_is_not_restored_by_a_function_of_its_own(home: Home, tmp_path: Path) -> None:
    written = tmp_path / "owned"
    path = saved_model_zip(tmp_path, restores=written)
    for left in tmp_path.glob("owned*"):
        left.unlink()
    assert "function of its own" in refused(home, path)
    assert not list(tmp_path.glob("owned*"))


def test_no_part_of_a_saved_model_takes_the_name_of_what_restores_it(
    home: Home, tmp_path: Path
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model_zip(tmp_path)
    graph = tmp_path / "sm" / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(graph.read_bytes())
    root = saved.meta_graphs[0].object_graph_def.nodes[0]
    next(c for c in root.children if c.local_name == "answer").local_name = "_restore_from_tensors"
    graph.write_bytes(saved.SerializeToString())
    path = Path(shutil.make_archive(str(tmp_path / "named"), "zip", tmp_path, "sm"))
    assert "function of its own" in refused(home, path)


def _garbage(folder: Path) -> Path:
    path = folder / "a.keras"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


def _broken_h5(folder: Path) -> Path:
    path = folder / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))
    return path


def _truncated(folder: Path) -> Path:
    whole = tiny_classifier(folder)
    whole.write_bytes(whole.read_bytes()[:-500])
    return whole


def _damaged_weights(folder: Path) -> Path:
    path = folder / "damaged.keras"
    with zipfile.ZipFile(tiny_classifier(folder)) as source, zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", source.read("config.json"))
        target.writestr("metadata.json", source.read("metadata.json"))
        target.writestr("model.weights.h5", source.read("model.weights.h5")[:3000])
    return path


def _weights_only(folder: Path) -> Path:
    path = folder / "only.weights.h5"
    classifier().save_weights(str(path))
    return path


def _linked(folder: Path) -> Path:
    path = folder / "linked.h5"
    classifier().save(str(path))
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    return path


def _outside(folder: Path) -> Path:
    path = folder / "outside.h5"
    classifier().save(str(path))
    with h5py.File(path, "r+") as file:
        file.create_dataset("x", (10,), "u1", external=[("/etc/passwd", 0, 10)])
    return path


def _with_weights(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """Changes the weights inside of a .keras file."""
    weights = path.with_name("weights.h5")
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in {**members, "model.weights.h5": weights.read_bytes()}.items():
            target.writestr(name, content)
    return path


def _stealing(major: int, folder: Path) -> Path:
    """A .keras file one of whose weights is the content of another file."""
    secret = folder / "id_rsa"
    secret.write_bytes(bytes(range(256)) * 4)

    def point_at_it(file: h5py.File) -> None:
        found: list[str] = []
        file.visititems(lambda name, each: found.append(name) if hasattr(each, "shape") else None)
        name = max(found, key=lambda each: file[each].size)
        shape, kind, size = file[name].shape, file[name].dtype, file[name].nbytes
        assert size <= 1024
        del file[name]
        file.create_dataset(name, shape, kind, external=[(str(secret), 0, size)])

    path = folder / "stealing.keras"
    classifier(major, pooled).save(str(path))
    return _with_weights(path, point_at_it)


def _stealing_2(folder: Path) -> Path:
    return _stealing(2, folder)


def _stealing_3(folder: Path) -> Path:
    return _stealing(3, folder)


def _linked_inside(folder: Path) -> Path:
    def link(file: h5py.File) -> None:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")

    return _with_weights(tiny_classifier(folder), link)


def _second_weights(folder: Path) -> Path:
    path = tiny_classifier(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.h5.more", b"x")
    return path


def _strange_member(folder: Path) -> Path:
    path = tiny_classifier(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.py", "raise SystemExit")
    return path


def _photos(folder: Path) -> Path:
    path = folder / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.jpg", b"no model")
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_garbage, "neither a .keras nor an .h5"),
        (_broken_h5, "cannot be read"),
        (_truncated, "damaged"),
        (_damaged_weights, "weights cannot be read"),
        (_weights_only, "weights only"),
        (_linked, "has a link"),
        (_outside, "refers to another file"),
        (_stealing_2, "refers to another file"),
        (_stealing_3, "refers to another file"),
        (_linked_inside, "has a link"),
        (_second_weights, "unexpected: 'model.weights.h5.more'"),
        (_strange_member, "unexpected: '../../outside.py'"),
        (_photos, "no saved_model.pb"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_or_strange_file_is_refused_with_its_reason(
    make: object, reason: str, home: Home, tmp_path: Path
) -> None:
    assert reason in refused(home, make(tmp_path))  # type: ignore[operator]


def test_scores_of_independent_classes_are_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "sigmoid.keras"
    classifier(
        3, lambda k, x: pooled(k, k.layers.Rescaling(1 / 255)(x)), activation="sigmoid"
    ).save(str(path))
    assert "do not add up to 1" in refused(home, path)


def test_labels_of_another_number_are_refused_with_both_numbers(home: Home, tmp_path: Path) -> None:
    offer = replace(OFFER, labels=parse_labels("cat\ndog"))
    message = refused(home, tiny_classifier(tmp_path), offer)
    assert message == "There are 2 labels, and the model has 4 outputs."


def test_a_check_that_takes_too_long_is_killed(home: Home, tmp_path: Path) -> None:
    path, before = tiny_classifier(tmp_path), time.monotonic()
    assert "took longer than" in refused(home, path, bounds=Bounds(seconds=1.5))
    assert time.monotonic() - before < 10
    assert _workers() == []


def test_a_check_that_takes_too_much_memory_is_killed(home: Home, tmp_path: Path) -> None:
    message = refused(home, tiny_classifier(tmp_path), bounds=Bounds(resident=200 << 20))
    assert "more than 200 MiB of memory" in message
    assert _workers() == []


def test_addresses_are_bounded_by_the_kernel_as_well(home: Home, tmp_path: Path) -> None:
    # Not enough to load TensorFlow's libraries: whatever way that ends, only the upload is lost.
    assert refused(home, tiny_classifier(tmp_path), bounds=Bounds(address_space=GIB // 2))
    assert _workers() == []


def test_a_check_that_crashes_costs_only_that_upload(home: Home, tmp_path: Path) -> None:
    def crash(found: tuple[Step, ...]) -> None:
        if found:
            for process in psutil.Process().children():
                if "effq_core.intake.worker" in " ".join(process.cmdline()):
                    process.send_signal(11)

    with pytest.raises(ModelError, match=r"crashed.*SIGSEGV"):
        check(home, tiny_classifier(tmp_path), OFFER, on_steps=crash)
    assert left_behind(home) == []


def test_stopping_a_check_ends_its_process(home: Home, tmp_path: Path) -> None:
    def stop(found: tuple[Step, ...]) -> None:
        if found:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        check(home, tiny_classifier(tmp_path), OFFER, on_steps=stop)
    assert _workers() == []
    assert left_behind(home) == []


def _workers() -> list[int]:
    mine = psutil.Process().children(recursive=True)
    return [each.pid for each in mine if "own.worker" in " ".join(each.cmdline())]


def test_a_file_larger_than_the_limit_is_not_read_to_its_end(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "MAX_MIB", 0)
    assert "has more than" in refused(home, tiny_classifier(tmp_path))


def _told(checked: Checked, title: str) -> Step:
    return next(step for step in checked.steps if step.title == title)


@pytest.mark.parametrize(("major", "ending"), [(2, "h5"), (3, "keras")])
def test_a_good_file_is_kept_as_layers_and_answers_as_it_did(
    major: int, ending: str, home: Home, tmp_path: Path
) -> None:
    path = tmp_path / f"good.{ending}"
    model = classifier(major)
    model.save(str(path))
    checked = check(home, path, replace(OFFER, name=path.name))
    assert {step.state for step in checked.steps} <= {StepState.DONE, StepState.WARNING}
    assert "every layer is supported" in _told(checked, "Insert fake-quant for QAT").detail
    card = keep(home, checked, "Good one")
    assert (card.id, card.image_size, card.qat_problems) == ("own:good_one", SIDE, ())
    assert card.file_format == f"Keras {_version(major)} (.{ending})"
    assert {each.name for each in card.folder.iterdir()} == {
        "card.json", "flat.json", "weights.npz",
    }  # fmt: skip
    photos = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(open_own(card)(photos, training=False)),
        np.asarray(model(photos, training=False)),
        atol=1e-5,
    )
    assert left_behind(home) == []


def _version(major: int) -> str:
    import keras

    import tf_keras

    return str(keras.__version__ if major == 3 else tf_keras.__version__)


def test_layers_that_are_not_known_are_named_and_the_model_is_kept_as_a_graph(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "odd.keras"
    model = classifier(3, with_unknown_layers, activation=None)
    model.save(str(path))
    checked = check(home, path, replace(OFFER, preprocessing=Preprocessing.MINUS_ONE_ONE))
    card = keep(home, checked, "Odd")
    assert card.qat_problems[0] == "odd_one (LeakyReLU)"
    assert card.head_problem
    assert any("softmax" in note for note in card.notes)
    photos = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    scores = np.asarray(model(photos / 127.5 - 1, training=False), np.float64)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    kept = open_own(card)
    answers = kept.predict_many(photos.astype(np.uint8), SilentReporter())
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    freeze(kept, tmp_path / "frozen")
    (tmp_path / "m.tflite").write_bytes(convert(tmp_path / "frozen", "float32"))
    answer = Model(tmp_path / "m.tflite").predict(photos[0].astype(np.uint8))
    np.testing.assert_allclose(answer, expected[0], atol=1e-4)


def test_operators_that_stay_float_in_int8_are_said(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "elu.keras"
    classifier(2, with_float_operators).save(str(path))
    checked = check(home, path, OFFER)
    assert _told(checked, "Convert to int8").state is StepState.WARNING
    assert "tensors are floats" in keep(home, checked, "Elu").notes[-1]


def test_a_zipped_saved_model_is_kept_as_a_graph(home: Home, tmp_path: Path) -> None:
    checked = check(
        home, saved_model_zip(tmp_path), replace(OFFER, preprocessing=Preprocessing.RAW)
    )
    card = keep(home, checked, "Graph")
    assert card.file_format == "SavedModel"
    assert "save it as .keras" in card.qat_problems[0]
    assert open_own(card).input_shape == (None, SIDE, SIDE, 3)
    discard(checked)  # harmless a second time


def test_exact_gelu_is_kept_as_a_graph_with_post_training_variants(
    home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "gelu.keras"
    classifier(3, with_gelu).save(str(path))
    checked = check(home, path, OFFER)
    assert checked.report["int8_problem"] == ""
    assert "the activation gelu" in checked.report["qat_problems"][0]


def test_half_precision_is_taken_in_float32_and_said(home: Home, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "half.keras"
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        classifier(3, with_unknown_layers).save(str(path))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    checked = check(home, path, replace(OFFER, preprocessing=Preprocessing.ZERO_ONE))
    assert "It was saved in mixed_float16 and is taken in float32." in checked.report["notes"]


@pytest.mark.parametrize("augmentation", ["RandomFlip", "RandomRotation", "RandomZoom"])
def test_an_exported_graph_that_augments_names_the_way_out(
    augmentation: str, home: Home, tmp_path: Path
) -> None:
    layers = keras_of(3).layers
    made = getattr(layers, augmentation)(*(() if "Flip" in augmentation else (0.1,)))

    def body(keras: Any, x: Any) -> Any:
        return pooled(keras, keras.layers.Conv2D(4, 3)(made(x)))

    classifier(3, body).export(str(tmp_path / "sm"), verbose=False)
    path = Path(shutil.make_archive(str(tmp_path / "sm"), "zip", tmp_path, "sm"))
    with pytest.raises(ModelError, match="still augments photos at random") as error:
        check(home, path, OFFER)
    assert "model.save('model.keras')" in error.value.hint


_INTRUDER = """
import socket, sys
from pathlib import Path
from effq_core.intake import landlock
allowed, forbidden, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
enforced = landlock.restrict(readable=[Path("/usr"), Path(sys.prefix)], writable=[allowed])
(allowed / "mine").write_text("fine")
def tried(what):
    try:
        what()
    except OSError:
        return "refused"
    return "done"
print(*enforced, sep=",")
print(tried(lambda: (forbidden / "new").write_text("x")))
print(tried(lambda: (forbidden / "secret").read_text()))
print(tried(lambda: (forbidden / "secret").unlink()))
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 1)))
"""


def test_a_process_without_rights_reads_and_writes_nothing_of_the_users(tmp_path: Path) -> None:
    import socket

    for name in ("allowed", "forbidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "forbidden" / "secret").write_text("s")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.run(
            [
                *(sys.executable, "-c", _INTRUDER),
                *(str(tmp_path / "allowed"), str(tmp_path / "forbidden")),
                str(server.getsockname()[1]),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
    if not said[0]:
        pytest.skip("this kernel has no Landlock")
    assert said[1:4] == ["refused"] * 3
    if "tcp" in said[0]:
        assert said[4] == "refused"


def test_the_environment_of_a_check_tells_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("EFFQ_HOME", "/somewhere")
    environment = sandbox._environment(tmp_path)
    assert not {"MY_TOKEN", "EFFQ_HOME"} & set(environment)
    assert environment["HOME"] == environment["TMPDIR"] == str(tmp_path)
