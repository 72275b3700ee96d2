"""Downloads that can be interrupted, and that deliver what was meant or nothing."""

import fcntl
import hashlib
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from effq_core.base import formatting as fmt
from effq_core.base.errors import DownloadError, StoreError
from effq_core.base.reporting import Reporter

REPORT_EVERY = 1 << 20  # bytes between two reports
ATTEMPTS = 4
PAUSE = 0.5  # seconds before the second attempt; doubled before each further one
SPARE = 64 << 20  # bytes that must stay free on the disk: a full disk breaks more than a download
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_PARTIAL, _RANGE_NOT_SATISFIABLE = 206, 416


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    reporter: Reporter,
) -> Path:
    """Downloads a file into a folder it makes, unless it is there already; it appears whole.

    What arrived stays in ``<target>.part``, continued if a hash can prove that the halves fit.
    Raises DownloadError, StoreError if the disk is full or not writable, or Cancelled.
    """
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and not _mismatch(target, sha256, md5, size):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            _lock(file, target)
            if not (sha256 or md5):
                file.truncate(0)
            _fetch(url, file, size, reporter)
            file.flush()
            os.fsync(file.fileno())
            wrong = _mismatch(part, sha256, md5, size)
            if wrong:
                part.unlink()
                raise DownloadError(
                    f"{url} delivered something other than expected: {wrong}. It was deleted.",
                    "Try again; if it happens again, the file was replaced on the server, or"
                    " something on the way (a proxy, a login page) answers in its place.",
                )
            part.replace(target)
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written: {error.strerror or error}.",
            "Free some space or give yourself permission to write there; EFFQ_HOME moves the"
            " store. What has arrived is kept.",
        ) from error
    return target


def _lock(file: BinaryIO, target: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DownloadError(
            f"Another process is downloading {target.name}.", "Wait until it has finished."
        ) from error


def _fetch(url: str, file: BinaryIO, size: int | None, reporter: Reporter) -> None:
    host = _host(url)
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            reporter.event("retry", url=url, attempt=attempt + 1, reason=str(failure))
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            _attempt(url, file, size, reporter)
            return
        except (httpx.TransportError, _ServerBusyError) as error:
            failure = error
        except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise DownloadError(
                f"{url} cannot be downloaded: {error}.", "Check the URL."
            ) from error
    arrived = file.tell()
    kept = f" {fmt.size(arrived)} have arrived and are kept." if arrived else ""
    raise DownloadError(
        f"{host} cannot be reached, or the connection broke: {failure}.{kept}",
        "Check the network and try again: it continues where it stopped.",
    ) from failure


def _host(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DownloadError(f"{url!r} is not a URL: {error}.", "Check it.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise DownloadError(f"{url!r} cannot be downloaded.", "Use an https:// or http:// URL.")
    return parsed.host


class _ServerBusyError(Exception):
    """An answer that may be another one soon."""


def _attempt(url: str, file: BinaryIO, size: int | None, reporter: Reporter) -> None:
    start = file.seek(0, os.SEEK_END)
    if size is not None and start == size:
        return
    # Compressed transfer would make offsets and sizes those of another file.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    reporter.check_cancelled()
    with httpx.stream(
        "GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True
    ) as response:
        code, sent = response.status_code, response.headers.get("Content-Range", "")
        if code == _RANGE_NOT_SATISFIABLE and start:
            if sent.rpartition("/")[2] == str(start):
                return  # all of it was there already; the hash decides
            file.truncate(0)
            raise _ServerBusyError("the partial file did not match; starting over")
        if code >= 500 or code == 429:
            raise _ServerBusyError(f"the server answered {code}")
        if response.is_error or not response.is_success:
            raise DownloadError(
                f"{url} cannot be downloaded: the server answered {code}.",
                "Check whether it has moved, and download it by hand.",
            )
        if code != _PARTIAL or not sent.startswith(f"bytes {start}-"):
            file.truncate(0)
            if code == _PARTIAL:
                raise _ServerBusyError("the server sent a different range than requested")
            start = 0
        length = response.headers.get("Content-Length", "")
        total_size = start + int(length) if length.isdecimal() else size
        if size is not None and total_size != size:
            raise DownloadError(
                f"{url} has {total_size:,} bytes instead of {size:,}.",
                "The file was replaced on the server; EffQ Studio needs the one it was made for.",
            )
        _check_space(Path(file.name), (total_size or 0) - start)
        _copy(response, file, start, total_size, reporter)


def _copy(
    response: httpx.Response, file: BinaryIO, start: int, total: int | None, reporter: Reporter
) -> None:
    done = start
    # Without a chunk size: httpx would lose a partial chunk when the connection breaks.
    for chunk in response.iter_raw():
        reporter.check_cancelled()
        done += len(chunk)
        if total is not None and done > total:
            raise DownloadError(f"{response.url} delivers more than it announced.", "Try again.")
        file.write(chunk)
        if done // REPORT_EVERY > (done - len(chunk)) // REPORT_EVERY:
            reporter.progress(done, total or done, unit="bytes")
    reporter.progress(done, total or done, unit="bytes")
    if total is not None and done < total:
        raise httpx.ReadError(f"the connection ended after {done:,} of {total:,} bytes")


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < needed + SPARE:
        raise StoreError(
            f"{path.parent} has {fmt.size(free)} free; the download needs "
            f"{fmt.size(needed + SPARE)}.",
            "Free some space, or move the store with EFFQ_HOME.",
        )


def _mismatch(path: Path, sha256: str | None, md5: str | None, size: int | None) -> str:
    """Says in which way a file is not the expected one; empty if it is."""
    actual_size = path.stat().st_size
    if size is not None and actual_size != size:
        return f"{actual_size:,} bytes instead of {size:,}"
    for name, expected in (("sha256", sha256), ("md5", md5)):
        if expected is None:
            continue
        # MD5 finds damage, not forgery; some publishers state nothing else.
        with path.open("rb") as file:
            digest = partial(hashlib.new, name, usedforsecurity=False)
            found = hashlib.file_digest(file, digest).hexdigest()
        if found != expected.lower():
            return f"its {name} is {found} instead of {expected.lower()}"
    return ""
