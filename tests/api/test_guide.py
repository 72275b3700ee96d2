"""The examples of docs/guide/python.md, one after the other, as somebody would type them."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from effq_core import Run, errors
from effq_core.api.charts import Charts
from effq_core.base.settings import Home
from tests.conftest import TINY

GUIDE = Path(__file__).parents[2] / "docs/guide/python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, with the photos and the model the examples are about."""
    made = tmp_path / "reader"
    for name, colour in (("cat", "red"), ("dog", "blue")):
        (made / "pets" / name).mkdir(parents=True)
        for index in range(12):
            image = Image.radial_gradient("L").rotate(30 * index).convert("RGB")
            image.paste(colour, (0, 0, 40 + index, 60))
            image.save(made / "pets" / name / f"{index}.png")
    with zipfile.ZipFile(made / "pets.zip", "w") as archive:
        for path in (made / "pets").rglob("*.png"):
            archive.write(path, path.relative_to(made / "pets"))
    monkeypatch.chdir(made)
    return made


def test_the_examples_do_what_the_guide_says(
    tiny_home: Home, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from effq_core import open_run

    files = open_run("reference").files
    shutil.copyfile(files["int8"], folder / "mine.tflite")
    shutil.copyfile(files["int8"].with_name("labels.txt"), folder / "labels.txt")
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - our own text
    assert names["experiment"] == TINY, "so that the tests need not make another run"
    assert isinstance(names["first"], Run)
    assert (names["pets"], names["own"]) == ("photos:our-pets", "file_mine")
    assert (folder / "out/int8.tflite").read_bytes() == (folder / "mine.tflite").read_bytes()
    assert zipfile.ZipFile(folder / "int8.zip").namelist()
    assert (folder / "training.html").stat().st_size
    told = capsys.readouterr().out
    assert "100% Finished" in told
    assert "no such run" in told

    available = names["datasets"].available()
    assert available.loc["photos:our-pets", "classes"] == 2
    names["datasets"].remove("photos:our-pets")
    assert "photos:our-pets" not in names["datasets"].available().index
    assert names["models"].remove("file_mine") == "file_mine"
    with pytest.raises(errors.InputError):
        names["models"].remove("file_mine")


def test_every_chart_is_in_the_guide() -> None:
    charts = [name for name in vars(Charts) if name[0] != "_"]
    assert charts
    assert not [name for name in charts if f"charts.{name}(" not in "".join(BLOCKS)]


def test_every_attribute_of_a_run_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    assert not [
        name
        for name in vars(Run)
        if name[0] != "_" and f".{name}" not in text and f"`{name}`" not in text
    ]
