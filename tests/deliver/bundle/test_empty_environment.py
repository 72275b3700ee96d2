"""The programs where nothing of EffQ is: an environment with the three packages and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.devices.timings import import_timings, list_timings
from effq_core.predict.variant_answers import Predictor


@pytest.fixture(scope="module")
def python(unpacked: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with just what a bundle's own requirements name."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [python, *install, "-r", unpacked["int8"] / "requirements.txt"], check=True, timeout=600
    )
    return python


def call(python: Path, script: Path, *words: object) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [python, script, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=script.parent,
        env=clean,
    )


def test_the_environment_has_nothing_of_effq(python: Path, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    names = ("effq_core", "tensorflow", "scipy", "psutil")
    script.write_text(
        "import importlib.util\n"
        f"print([n for n in {names} if importlib.util.find_spec(n) is not None])"
    )

    assert call(python, script).stdout.strip() == "[]"


@pytest.mark.usefixtures("xnnpack")
@pytest.mark.parametrize("variant", ["float32", "dynamic_range", "int8", "int8_qat"])
def test_answers_are_the_apps_to_the_last_bit(
    tiny_run, python: Path, unpacked, photos: list[Path], variant: str
) -> None:
    done = call(python, unpacked[variant] / "classify.py", *photos, "--json", "--top", 10)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    predictor = Predictor(tiny_run.results, [variant])
    assert [found["image"] for found in told] == [str(photo) for photo in photos]
    for photo, found in zip(photos, told, strict=True):
        [answer] = predictor.answer(predictor.read(photo), top=10)
        # JSON keeps every bit of a number, so equal means equal.
        assert found["guesses"] == [asdict(guess) for guess in answer.guesses], photo.name
        assert found["ms"] > 0
    # Answers that hardly differ from photo to photo would agree by chance.
    assert len({json.dumps(found["guesses"]) for found in told}) >= 5


def test_what_bench_measures_there_can_be_imported(
    tiny_run, python: Path, unpacked, tmp_path: Path
) -> None:
    target = tmp_path / "timings.json"
    words = ("--device", "Bare board", "--to", target, "--wait", "0")
    done = call(python, unpacked["int8"] / "bench.py", *words)

    assert done.returncode == 0, done.stderr
    report = import_timings(Home(tmp_path), tiny_run.results, target.read_bytes(), target.name)
    assert list_timings(Home(tmp_path), tiny_run.results) == {"int8": [report]}
    assert report.device == "Bare board" and report.versions["ai-edge-litert"]
    assert "pillow" not in report.versions
    written = json.loads(target.read_text("utf-8"))["timings"]
    assert [timing.median_ms for timing in report.timings] == [w["median_ms"] for w in written]
    assert all(timing.n >= 100 for timing in report.timings)
