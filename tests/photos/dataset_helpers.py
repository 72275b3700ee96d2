"""A reporter that remembers, and a server that misbehaves on request."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from effq_core.base.errors import Cancelled

CONTENT = bytes(range(256)) * 12_000  # 3 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file, with or without ranges, and breaks connections on request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        self.drops: list[int] = []  # bytes after which the next connections break
        self.codes: list[int] = []  # answers of the next requests
        self.wrong_range = False
        self.announced: int | None = None
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if server.codes:
            self.send_response(server.codes.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file.bin")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        total = len(server.content)
        if start >= total and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(server.announced or len(body)))
        if start:
            told = 0 if server.wrong_range else start
            self.send_header("Content-Range", f"bytes {told}-{total - 1}/{total}")
        self.end_headers()
        if server.drops:
            body = body[: server.drops.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


class Recorder:
    """A reporter that keeps what it is told and can cancel at the nth question."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, int, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.cancel_after: int | None = None
        self.checks = 0

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.reports.append((done, total, unit))

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def check_cancelled(self) -> None:
        self.checks += 1
        if self.cancel_after is not None and self.checks > self.cancel_after:
            raise Cancelled("The run was cancelled.")
