"""A local server in place of the publishers', also for downloads in processes of their own.

Those read a `sitecustomize` that Python runs before anything else, so that nothing in EffQ itself
knows of tests. Every byte, hash, lock and file is as with the real servers.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

WEIGHTS_MODEL = "efficientnetv2_b0_imagenet"
_CUSTOMIZE = """
from dataclasses import replace
from effq_core.base import downloads
from effq_core.photos import imagenette
from effq_core.models import catalogue
downloads.PAUSE = 0.0
imagenette.download_imagenette.__kwdefaults__.update(url="{url}photos", md5="{photos}")
card = catalogue.MODELS["{model}"]
weights = replace(card.weights, url="{url}weights", md5="{weights}")
catalogue.MODELS["{model}"] = replace(card, weights=weights)
"""


class FetchServer(ThreadingHTTPServer):
    """Serves an archive of photos and a file of weights, as slowly as a test wants.

    Attributes:
        files: Content by path.
        chunk: Bytes sent at once.
        gate: Cleared to hold every connection after its next chunk.
        asked: Each request's path and range.
    """

    daemon_threads = True

    def __init__(self, photos: bytes, weights: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {"/photos": photos, "/weights": weights}
        self.chunk = 1 << 20
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: FetchServer

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append((self.path, wanted))
        content = server.files[self.path]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        try:
            for place in range(start, len(content), server.chunk):
                self.wfile.write(content[place : place + server.chunk])
                self.wfile.flush()
                if not server.gate.wait(60):
                    return
        except OSError:
            return  # the other side has gone, as a cancelled download does

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


def photo_archive() -> bytes:
    """Returns an archive laid out as Imagenette's, of a dozen noise photos and some ballast."""
    buffer = io.BytesIO()
    random = np.random.default_rng(0)
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for number in range(12):
            split = "train" if number % 2 else "val"
            wnid = "n01440764" if number % 4 < 2 else "n02102040"
            picture = io.BytesIO()
            noise = random.integers(0, 256, (500, 500, 3), dtype=np.uint8)
            Image.fromarray(noise).save(picture, "PNG", compress_level=0)
            info = tarfile.TarInfo(f"imagenette2-160/{split}/{wnid}/{number}.png")
            info.size = picture.tell()
            tar.addfile(info, io.BytesIO(picture.getvalue()))
    return buffer.getvalue()


@contextmanager
def serving() -> Iterator[FetchServer]:
    """Runs the server while the block runs."""
    weights = np.random.default_rng(1).bytes(3_000_000)
    with FetchServer(photo_archive(), weights) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()


def redirect(server: FetchServer, folder: Path) -> str:
    """Writes what makes every new process download from the server.

    Args:
        server: The server.
        folder: An empty folder.

    Returns:
        The PYTHONPATH those processes need.
    """
    sums = {
        name: hashlib.md5(server.files[f"/{name}"], usedforsecurity=False).hexdigest()
        for name in ("photos", "weights")
    }
    folder.mkdir()
    text = _CUSTOMIZE.format(url=server.url, model=WEIGHTS_MODEL, **sums)
    (folder / "sitecustomize.py").write_text(text)
    root = Path(__file__).resolve().parents[1]
    return os.pathsep.join([str(folder), str(root)])
