from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from effq_core.deliver.bundle import bundle_name, write_bundle
from tests.deliver.bundle.photos import write_photos


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def unpacked(tiny_run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each variant's bundle, unpacked, by variant."""
    target = tmp_path_factory.mktemp("bundles")
    folders = {}
    for variant in ("float32", "dynamic_range", "int8", "int8_qat"):
        file = write_bundle(tiny_run.results, variant, target / f"{variant}.zip", run="tiny")
        with zipfile.ZipFile(file) as archive:
            archive.extractall(target)
        folders[variant] = target / bundle_name(tiny_run.results, variant)
    return folders
