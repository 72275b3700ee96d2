"""A file of few bits on a LiteRT that cannot run it, or only slowly: what is said of it."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from effq_core.deliver.bundle import bundle_bytes
from effq_core.deliver.bundle.bundle import requirements
from effq_core.devices.scripts import bench, classify
from effq_core.results import Results, load_reference
from effq_core.tflite.matrices import matrix_products, with_kernels, with_matrices
from effq_core.tflite.needs import Need
from tests.tflite.kernels import rounded_kernel

SCRIPTS = (classify, bench)
NEED = Need(bits=4, runs="1.2.0", fast="2.0.3")


def few_bits(folder: Path) -> Results:
    """The reference run's results, whose int8 file has a layer with 4-bit weights."""
    reference = load_reference()
    matrices = with_matrices(reference.model_file("int8").read_bytes())
    last = matrix_products(matrices)[-1]
    content = with_kernels(matrices, {last.output.name: rounded_kernel(last, 4)})
    plain = copy.deepcopy(reference.plain)
    file = plain["variants"]["int8"]["file"]
    file |= {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for name in ("float32", "int8"):
        target = folder / reference.model_file(name).relative_to(reference.folder or Path())
        target.parent.mkdir(parents=True)
        for each in reference.model_file(name).parent.iterdir():
            (target.parent / each.name).write_bytes(each.read_bytes())
    target.write_bytes(content)
    return Results.from_dict(plain, folder)


def test_the_bundle_says_what_it_needs(tmp_path: Path) -> None:
    results = few_bits(tmp_path)
    with zipfile.ZipFile(io.BytesIO(bundle_bytes(results, "int8"))) as archive:
        text = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert json.loads(text["input.json"]) == {"resize": "crop", "litert": NEED.plain()}
    first, *pinned = text["requirements.txt"].decode().splitlines()
    assert first == f"# {NEED.text}"
    assert pinned[0] == f"ai-edge-litert=={results.versions['ai-edge-litert']}"
    card = text["model_card.md"].decode()
    assert f"not every older version does. {NEED.text}" in card
    assert "older versions work too" not in card
    with zipfile.ZipFile(io.BytesIO(bundle_bytes(load_reference(), "int8"))) as archive:
        assert not any(name.endswith("input.json") for name in archive.namelist())
        [name] = [name for name in archive.namelist() if name.endswith("model_card.md")]
        assert "older versions work too" in archive.read(name).decode()


def test_a_version_nobody_noted_is_at_least_a_fast_one() -> None:
    plain = copy.deepcopy(load_reference().plain)
    del plain["versions"]["ai-edge-litert"]
    results = Results.from_dict(plain, None)
    assert requirements(results, NEED).splitlines()[1] == "ai-edge-litert>=2.0.3"
    assert requirements(results).splitlines()[0] == "ai-edge-litert"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    settings = {"resize": "crop", "litert": NEED.plain()}
    (tmp_path / "input.json").write_text(json.dumps(settings))
    return tmp_path / "int4.tflite"


def installed(monkeypatch: pytest.MonkeyPatch, name: str, version: str) -> None:
    """Lets a runtime seem to be there, and no other."""
    module = f"{name.replace('-', '_')}.interpreter"

    def find(wanted: str) -> Any:
        if wanted != module:
            raise ImportError(wanted)
        return ModuleType(wanted)

    monkeypatch.setattr("importlib.import_module", find)
    monkeypatch.setattr(metadata, "version", lambda wanted: {name: version}[wanted])


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("name", "version"),
    [("ai-edge-litert", "1.1.2"), ("ai-edge-litert", "1.0"), ("tflite-runtime", "2.14.0")],
)
def test_what_cannot_run_it_is_refused(
    script: Any, name: str, version: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, name, version)
    with pytest.raises(script.Problem) as refused:
        script.check_version(model)
    assert str(refused.value) == (
        f"{name} {version} cannot run int4.tflite: it needs ai-edge-litert 1.2.0 or later. "
        "Install it: pip install 'ai-edge-litert>=2.0.3'"
    )


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("version", "slow"), [("1.2.0", True), ("1.4.0", True), ("2.0.3", False), ("10.0.0", False)]
)
def test_what_is_slow_is_said_and_runs(
    script: Any,
    version: str,
    slow: bool,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed(monkeypatch, "ai-edge-litert", version)
    script.check_version(model)
    told = capsys.readouterr()
    assert not told.out
    assert told.err == (
        f"ai-edge-litert {version} runs int4.tflite slowly: ai-edge-litert 2.0.3 or later is "
        "fast. Install it: pip install 'ai-edge-litert>=2.0.3'\n"
    ) * slow  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_files_that_need_nothing_are_not_looked_at(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, "tflite-runtime", "2.14.0")
    script.check_version(tmp_path / "int8.tflite")
    (tmp_path / "input.json").write_text('{"resize": "crop"}')
    script.check_version(tmp_path / "int8.tflite")
    for broken in ("{", '{"litert": {"runs": "1"}}', "[]"):
        (tmp_path / "input.json").write_text(broken)
        with pytest.raises(script.Problem, match=r"input\.json cannot be read"):
            script.check_version(tmp_path / "int8.tflite")


@pytest.mark.parametrize(("script", "code"), [(classify, 2), (bench, 1)])
def test_the_programs_end_before_they_load_it(
    script: Any,
    code: int,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model.write_bytes(b"")
    installed(monkeypatch, "tflite-runtime", "2.14.0")
    photo = ["photo.jpg"] if script is classify else []
    assert script.main([*photo, "--model", str(model)]) == code
    assert "needs ai-edge-litert 1.2.0 or later" in capsys.readouterr().err
