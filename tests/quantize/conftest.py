"""Lite0 and V2-B0 at 64 px and one small net, quantized once for all tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from quantized_models import SILENT, Quantized, small_net  # noqa: E402 - needs the path above

from effq_core.base.settings import Home  # noqa: E402
from effq_core.models.catalogue import get_model  # noqa: E402
from effq_core.photos.decode import decode  # noqa: E402
from effq_core.photos.photo_patches import PhotoPatches  # noqa: E402


@pytest.fixture(scope="session")
def photos() -> np.ndarray:
    """Crops of the built-in photos, one a class and more, uint8 (16, 64, 64, 3)."""
    dataset = PhotoPatches()
    items = dataset.scan(SILENT).items
    chosen = [items[i * len(items) // 16] for i in range(16)]
    pixels = np.stack([decode(dataset.open(item), 64) for item in chosen])
    # TensorFlow's own calibration takes the input's range from the photos.
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
    return pixels


def _bundled(model_id: str, photos: np.ndarray, folder: Path) -> Quantized:
    from effq_core.models.build import build_model

    model = build_model(get_model(model_id), Home(folder), SILENT, image_size=64)
    return Quantized(model, photos, folder)


@pytest.fixture(scope="session")
def lite0(photos: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    return _bundled("efficientnet_lite0_imagenet", photos, tmp_path_factory.mktemp("lite0"))


@pytest.fixture(scope="session")
def v2(photos: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    return _bundled("efficientnetv2_b0_imagenette", photos, tmp_path_factory.mktemp("v2"))


@pytest.fixture(scope="session")
def small(photos: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    return Quantized(small_net(), photos[:, ::4, ::4].copy(), tmp_path_factory.mktemp("small"))


@pytest.fixture(params=["small", "lite0", "v2"])
def quantized(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)
