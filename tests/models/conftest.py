"""Bundled models at 64 px, built once, and a web server for weights."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from effq_core.base import downloads
from effq_core.base.reporting import SilentReporter
from effq_core.base.settings import Home
from effq_core.models.catalogue import get_model

SIDE = 64


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An empty store: bundled models need none."""
    return Home(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def built(nowhere: Home) -> Callable[[str], Any]:
    """Builds a bundled model at 64 px, once."""
    from effq_core.models.build import build_model

    models: dict[str, Any] = {}

    def build(model_id: str) -> Any:
        if model_id not in models:
            models[model_id] = build_model(
                get_model(model_id), nowhere, SilentReporter(), image_size=SIDE
            )
        return models[model_id]

    return build


@pytest.fixture(scope="session")
def v2(built: Callable[[str], Any]) -> Any:
    return built("efficientnetv2_b0_imagenette")


@pytest.fixture(scope="session")
def lite0(built: Callable[[str], Any]) -> Any:
    return built("efficientnet_lite0_imagenet")


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    """Coarse noise, uint8 (6, 64, 64, 3)."""
    coarse = np.random.default_rng(7).integers(0, 256, (6, 8, 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


class FileServer:
    """Serves a folder on localhost and remembers what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Handler, directory=str(folder))
        )
        self.asked: list[str] = []
        self._server.asked = self.asked  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    folder = tmp_path / "served"
    folder.mkdir()
    running = FileServer(folder)
    yield running
    running.stop()


@pytest.fixture
def imagenette_photos() -> Path:
    """The validation photos of Imagenette, where this machine has them."""
    data = os.environ.get("EFFQ_TEST_DATA")
    if not data:
        pytest.skip("EFFQ_TEST_DATA is not set: no folder with imagenette2-160")
    folder = Path(data) / "imagenette2-160" / "val"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist")
    return folder
