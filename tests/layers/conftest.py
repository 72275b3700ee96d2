"""A network with a planted bad block, converted once for the tests of effects and suggestions."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.base.reporting import SilentReporter
from effq_core.photos.decode import decode
from effq_core.photos.photo_patches import PhotoPatches
from tests.layers.planted import SIDE, Made, make, planted_net

CALIBRATION = 32


@pytest.fixture(scope="session")
def patches() -> np.ndarray:
    """Crops of the built-in photos, uint8 (96, 32, 32, 3)."""
    dataset = PhotoPatches()
    items = dataset.scan(SilentReporter()).items
    chosen = [items[i * len(items) // 96] for i in range(96)]
    return np.stack([decode(dataset.open(item), SIDE) for item in chosen])


@pytest.fixture(scope="session")
def planted(patches: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(planted_net(), patches[:CALIBRATION], tmp_path_factory.mktemp("planted"))
