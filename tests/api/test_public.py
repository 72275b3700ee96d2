"""What ``import effq_core`` offers, and what it does not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import effq_core

_LIGHT = """
import sys
import effq_core
assert not {"numpy", "pandas", "plotly", "effq_core.api"} & set(sys.modules)
import effq_core.models.catalogue  # as the other packages do, before anybody asks for models
from effq_core import Calibration, Experiment, Fitted, Layers, LowBits, Mixed, Progress, Qat, Run
from effq_core import datasets, errors, models, open_run, run
assert callable(models.available) and callable(datasets.available)
run_ = open_run("reference")
run_.charts.sizes(), run_.table, models.available()
assert not {"tensorflow", "tf_keras", "streamlit"} & set(sys.modules)
"""


def test_a_name_is_imported_when_it_is_used_and_tensorflow_never() -> None:
    done = subprocess.run([sys.executable, "-c", _LIGHT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_stub_has_the_public_names() -> None:
    stub = ast.parse(Path(effq_core.__file__).with_suffix(".pyi").read_text("utf-8"))
    named = {
        alias.asname
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert named == set(effq_core.__all__) < set(dir(effq_core))
    for name in effq_core.__all__:
        assert getattr(effq_core, name) is not None


def test_the_stub_sees_models_as_they_are() -> None:
    from effq_core.api import models as typed

    assert {name: getattr(effq_core.models, name) for name in dir(effq_core.models)} == {
        name: getattr(typed, name) for name in ("add", "available", "download", "remove")
    }


@pytest.mark.parametrize("owner", ["effq_core", "models"])
def test_an_unknown_name_is_refused_with_those_there_are(owner: str) -> None:
    module = effq_core if owner == "effq_core" else effq_core.models
    with pytest.raises(AttributeError, match="open_run"):
        _ = module.runn
