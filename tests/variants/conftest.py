"""The plug-in of these tests, registered for one test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from effq_core.base import plugins
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import CATALOGUE
from effq_core.measure.gates import GATES

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Loads it as every process of EffQ does at its start; processes started later do, too."""
    for registry in (CATALOGUE, METHODS, GATES):
        monkeypatch.setattr(registry, "_rows", dict(registry._rows))
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("PYTHONPATH", str(PLUGIN))
    monkeypatch.setenv(plugins.SETTING, "effq_toy")
    monkeypatch.delitem(sys.modules, "effq_toy", raising=False)
    plugins.load()
    return "effq_toy"
