"""Inputs of the report, new for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.stages.report_inputs import Inputs


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)
