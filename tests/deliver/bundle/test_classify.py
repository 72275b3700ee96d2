"""``classify.py`` in this process: it decodes, feeds and reads exactly as the app does."""

from __future__ import annotations

import copy
import importlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from effq_core.deliver.bundle import bundle_name, write_bundle
from effq_core.devices.scripts import classify
from effq_core.photos import decode as app
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.results import Results
from effq_core.runtimes.model import Model

MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV",
         "LAB", "I", "F", "I;16", "I;16B")  # fmt: skip


def test_limits_and_formats_are_the_apps() -> None:
    assert classify.FORMATS == app.FORMATS
    assert classify.MAX_PIXELS == app.MAX_PIXELS
    assert classify.MAX_ASPECT == app.MAX_ASPECT


@given(
    mode=st.sampled_from(MODES),
    width=st.integers(1, 80),
    height=st.integers(1, 600),
    size=st.integers(1, 70),
    orientation=st.integers(0, 9),
    stretch=st.booleans(),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_any_image_becomes_the_same_pixels(
    mode: str,
    width: int,
    height: int,
    size: int,
    orientation: int,
    stretch: bool,
    channels: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    if mode in ("I", "F", "I;16", "I;16B"):
        dtype = {"I": np.int32, "F": np.float32, "I;16": np.uint16, "I;16B": np.dtype(">u2")}[mode]
        largest = rng.choice([1, 200, 60_000])
        image = Image.fromarray((rng.random((height, width)) * largest).astype(dtype))
    else:
        bands = len(Image.new(mode, (1, 1)).getbands())
        content = rng.integers(0, 256, width * height * bands, dtype=np.uint8).tobytes()
        image = Image.frombytes(mode, (width, height), content) if mode != "1" else (
            Image.fromarray(rng.integers(0, 2, (height, width), dtype=np.uint8) * 255).convert("1")
        )  # fmt: skip
    image.getexif()[0x0112] = orientation

    entry = ImageInput(size, Resize.STRETCH if stretch else Resize.CROP, channels)
    expected = app.decode(image, entry)

    rgb = classify.upright_rgb(image)
    found = classify.to_square(rgb, size, channels=channels, stretch=stretch)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_every_kind_of_file_becomes_the_same_pixels(photos: list[Path]) -> None:
    for photo in photos:
        expected = app.decode(app.open_image(photo, photo.name), 64)
        np.testing.assert_array_equal(classify.decode(photo, 64), expected, photo.name)
    assert len({classify.decode(photo, 64).tobytes() for photo in photos}) > len(photos) // 2


@pytest.mark.usefixtures("xnnpack")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("variant", ["float32", "dynamic_range", "int8", "int8_qat"])
def test_the_model_is_fed_and_read_the_same(
    unpacked: dict[str, Path], variant: str, threads: int
) -> None:
    model = unpacked[variant] / f"{variant}.tflite"
    mine = classify.Classifier(model, unpacked[variant] / "labels.txt", threads)
    theirs = Model(model, threads=threads)
    rng = np.random.default_rng(1)

    for _ in range(5):
        pixels = rng.integers(0, 256, (mine.size, mine.size, 3), dtype=np.uint8)
        np.testing.assert_array_equal(mine.probabilities(pixels), theirs.predict(pixels))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [(np.int8, 1.0, -128), (np.uint8, 1.0, 0), (np.int8, 0.5, 3), (np.int16, 0.0078, 0)],
)
def test_integer_inputs_are_quantized_as_the_app_does(dtype, scale, zero_point) -> None:
    from effq_core.models.file_input import TensorSpec, input_table

    detail = {"dtype": dtype, "quantization": (scale, zero_point)}
    found = classify._input_values(Path("x"), detail)

    tensor = TensorSpec((1, 8, 8, 3), np.dtype(dtype), scale, zero_point)
    np.testing.assert_array_equal(found, input_table(Path("x"), tensor), strict=True)
    if scale == 1.0:
        assert found.tolist() == [value + zero_point for value in range(256)]


def call(folder: Path, *words: object) -> int:
    [model] = folder.glob("*.tflite")
    return classify.main([*map(str, words), "--model", str(model)])


def test_people_read_names_and_percentages(unpacked, photos, capsys) -> None:
    assert call(unpacked["int8"], photos[0], "--top", 2) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(str(photos[0])) and lines[0].endswith("ms)")
    assert len(lines) == 3 and lines[1].lstrip()[0].isdigit() and "%  " in lines[1]


def test_a_bad_photo_is_named_and_the_others_are_answered(
    unpacked, photos, tmp_path: Path, capsys
) -> None:
    bad = {
        "gone.jpg": None,
        "empty.jpg": b"",
        "text.jpg": b"hello",
        "cut.jpg": photos[0].read_bytes()[:2000],
        "huge.ppm": b"P6\n20000 20000\n255\n" + b"\0" * 99,
        "vector.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
    }
    reasons = ["cannot be read: No such file", "is empty", "not an image", "is broken",
               "too large", "not an image", "cannot be read: Is a directory"]  # fmt: skip
    for name, content in bad.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    files = [tmp_path / name for name in (*bad, "folder")]

    assert call(unpacked["int8"], *files, photos[0], "--json") == 1

    out, err = capsys.readouterr()
    *refused, answered = json.loads(out)
    assert len(answered["guesses"]) == 5
    for file, reason, found, line in zip(files, reasons, refused, err.splitlines(), strict=True):
        assert found["image"] == str(file) and "guesses" not in found
        assert str(file) in found["error"] and reason in found["error"]
        assert line == found["error"]


def test_a_model_that_cannot_be_used_is_named(unpacked, photos, tmp_path: Path, capsys) -> None:
    labels = (unpacked["int8"] / "labels.txt").read_text("utf-8")
    model = tmp_path / "int8.tflite"

    def said() -> str:
        assert classify.main([str(photos[0]), "--model", str(model)]) == 2
        return capsys.readouterr().err

    assert f"There is no file {model}" in said()
    model.write_bytes(b"not a model")
    assert f"cannot load {model}" in said()
    shutil.copy(unpacked["int8"] / "int8.tflite", model)
    assert "labels.txt cannot be read" in said()
    (tmp_path / "labels.txt").write_text(labels + "one more\n", "utf-8")
    outputs = labels.count("\n")
    assert f"{outputs + 1} names for {outputs} outputs" in said()
    (tmp_path / "labels.txt").write_text(labels, "utf-8")
    assert classify.main([str(photos[0]), "--model", str(model)]) == 0
    with pytest.raises(classify.Problem, match=r"a\.tflite, b\.tflite"):
        (tmp_path / "two").mkdir()
        for name in ("b.tflite", "a.tflite"):
            (tmp_path / "two" / name).touch()
        classify._only_model(tmp_path / "two")


@pytest.mark.parametrize("words", [["--top", "0"], ["--threads", "-1"], ["--threads", "x"], []])
def test_wrong_usage_ends_with_2(unpacked, photos, words: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        call(unpacked["int8"], *([photos[0], *words] if words else []))
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_where_litert_has_its_old_name_that_is_used(unpacked, photos, monkeypatch, capsys) -> None:
    real = importlib.import_module

    def without(name: str) -> object:
        if name == "ai_edge_litert.interpreter":
            raise ImportError(name)
        return real("ai_edge_litert.interpreter" if name == "tflite_runtime.interpreter" else name)

    monkeypatch.setattr(importlib, "import_module", without)
    assert call(unpacked["int8"], photos[0]) == 0

    def nothing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", nothing)
    assert call(unpacked["int8"], photos[0]) == 2
    assert "pip install -r requirements.txt" in capsys.readouterr().err


def test_letters_a_terminal_lacks_do_not_end_the_program(unpacked, photos, monkeypatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    [photo] = [path for path in photos if "ï" in path.name]

    assert call(unpacked["int8"], photo) == 0
    terminal.flush()
    assert b"na\\xefve" in terminal.buffer.getvalue()


def test_an_output_that_is_no_answer_is_never_named_first(
    tiny_run, unpacked, photos, tmp_path: Path, capsys
) -> None:
    plain = copy.deepcopy(tiny_run.results.plain)
    assert call(unpacked["int8"], photos[0], "--json") == 0
    best = json.loads(capsys.readouterr().out)[0]["guesses"][0]
    plain["model"]["ignored"] = best["label"].upper()
    results = Results.from_dict(plain, tiny_run.results.folder)
    with zipfile.ZipFile(write_bundle(results, "int8", tmp_path / "b.zip")) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / bundle_name(results, "int8")
    said = json.loads((folder / "input.json").read_text("utf-8"))
    assert said["ignored"] == best["index"]
    assert (
        "is left out, as the photos have no such class"
        in ((folder / "model_card.md").read_text("utf-8").split("## Numbers")[0])
    )

    assert call(folder, photos[0], "--top", 999, "--json") == 0
    guesses = json.loads(capsys.readouterr().out)[0]["guesses"]
    assert guesses[0]["index"] != best["index"]
    assert [g["probability"] for g in guesses if g["index"] == best["index"]] == [0]
    (folder / "input.json").write_text('{"resize": "stretch"}')  # as older bundles have it
    assert classify._settings(folder / "input.json", 10) == (True, None)
    (folder / "input.json").write_text('{"resize": "crop", "ignored": 10}')
    with pytest.raises(classify.Problem, match="leaves out the output 10"):
        classify._settings(folder / "input.json", 10)
