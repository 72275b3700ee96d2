"""The network that goes away in the middle of a download."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np

from effq_core.base.settings import Home
from tests.faults.cell import Cell, check_said, effq
from tests.faults.undisturbed import Base
from tests.faults.world import world
from tests.fetch_server import WEIGHTS_MODEL, FetchServer, _Handler, photo_archive, redirect


class _AwayHandler(_Handler):
    """Sends half of what was asked for and hangs up, while the server is away."""

    server: _AwayServer

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        if not self.server.away:
            super().do_GET()
            return
        content = self.server.files[self.path]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start:  # one more try: nobody answers any more
            self.connection.close()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.connection.close()


class _AwayServer(FetchServer):
    """A server that can be taken away in the middle of an answer."""

    away = True

    def __init__(self, photos: bytes, weights: bytes) -> None:
        super().__init__(photos, weights)
        self.RequestHandlerClass = _AwayHandler

    def handle_error(self, *_: object) -> None:
        """A connection that was cut is what is wanted."""


def network(base: Base, folder: Path, cell: Cell) -> None:
    """The network goes away in the middle of two downloads, and comes back."""
    weights = np.random.default_rng(1).bytes(3_000_000)
    with _AwayServer(photo_archive(), weights) as server, world(base, folder, ()) as made:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            made.environment["PYTHONPATH"] = redirect(server, folder / "site")  # type: ignore[arg-type]
            made.environment |= dict.fromkeys(
                ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), ""
            )
            for command in (
                ("datasets", "download", "imagenette"),
                ("models", "download", WEIGHTS_MODEL),
            ):
                server.away = True
                before = _tree(made.home)
                failed = effq(made, *command)
                if failed.returncode == 0:
                    cell.problems.append(f"{command} worked without the network.")
                message, _, hint = failed.stderr.strip().partition("\n")
                check_said(cell, message, hint)
                new = set(_tree(made.home)) - set(before)
                half = [path for path in new if not path.endswith((".part", ".lock"))]
                if half:
                    cell.problems.append(f"Half a download is visible: {half}")
                server.away = False
                worked = effq(made, *command)
                if worked.returncode:
                    cell.problems.append(f"{command} did not continue: {worked.stderr.strip()}")
            if not any(wanted for _, wanted in server.asked):
                cell.problems.append("It began again instead of continuing.")
            interrupted = _tree(made.home)
            undisturbed = Home(folder / "undisturbed")
            made.home = undisturbed
            for command in (
                ("datasets", "download", "imagenette"),
                ("models", "download", WEIGHTS_MODEL),
            ):
                effq(made, *command)
            same = {k: v for k, v in _tree(undisturbed).items() if not k.startswith("fetches")}
            if any(interrupted.get(path) != sha for path, sha in same.items()):
                cell.problems.append("What arrived in two parts differs from what came at once.")
            cell.how = "said; continued"
        finally:
            server.shutdown()
            thread.join()


def _tree(home: Home) -> dict[str, str]:
    """Hashes of what was downloaded, by path."""
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in (home.datasets, home.models)
        for path in (top.rglob("*") if top.is_dir() else ())
        if path.is_file()
    }
