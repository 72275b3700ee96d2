from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from effq_core.base.errors import InputError
from effq_core.base.locks import is_locked
from effq_core.base.settings import Home
from effq_core.care.fetch_worker import work
from effq_core.care.fetches import (
    Fetch,
    FetchFiles,
    FetchState,
    cancel_fetch,
    dismiss_fetch,
    fetch_of,
    fetchable,
    start_fetch,
)
from effq_core.photos import imagenette
from tests.fetch_server import WEIGHTS_MODEL, FetchServer, redirect, serving

PHOTOS = imagenette.DATASET_ID


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FetchServer]:
    with serving() as running:
        monkeypatch.setenv("PYTHONPATH", redirect(running, tmp_path / "site"))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield running


def wait(home: Home, item: str, fits: Callable[[Fetch], bool], seconds: float = 30) -> Fetch:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        fetch = fetch_of(home, item)
        if fetch is not None and fits(fetch):
            return fetch
        time.sleep(0.05)
    raise AssertionError(f"It stays {fetch_of(home, item)}")


def ended(fetch: Fetch) -> bool:
    return not fetch.state.is_active


def hold_after(server: FetchServer, chunk: int) -> None:
    server.chunk = chunk
    server.gate.clear()


def test_imagenette_arrives_in_a_process_of_its_own(home: Home, server: FetchServer) -> None:
    assert fetch_of(home, PHOTOS) is None
    started = start_fetch(home, PHOTOS)
    assert started.pid not in (None, os.getpid())
    done = wait(home, PHOTOS, ended)
    assert (done.state, done.error, done.unit) == (FetchState.FINISHED, "", "bytes")
    assert done.done == done.total == len(server.files["/photos"])
    assert imagenette.is_present(home)


def test_weights_arrive_and_are_checked(home: Home, server: FetchServer) -> None:
    start_fetch(home, WEIGHTS_MODEL)
    assert wait(home, WEIGHTS_MODEL, ended).state is FetchState.FINISHED
    assert (home.models / "efficientnetv2-b0.h5").read_bytes() == server.files["/weights"]


def test_what_is_not_the_published_file_is_refused(home: Home, server: FetchServer) -> None:
    server.files["/weights"] = b"something else"
    start_fetch(home, WEIGHTS_MODEL)
    failed = wait(home, WEIGHTS_MODEL, ended)
    assert failed.state is FetchState.FAILED
    assert "delivered something other than expected" in failed.error
    assert not (home.models / "efficientnetv2-b0.h5").exists()


def test_starting_twice_starts_one(home: Home, server: FetchServer) -> None:
    hold_after(server, 1 << 20)
    first = start_fetch(home, PHOTOS)
    again = start_fetch(home, PHOTOS)
    assert (again.pid, again.token) == (first.pid, first.token)
    wait(home, PHOTOS, lambda fetch: fetch.done > 0)
    assert start_fetch(home, PHOTOS).pid == first.pid
    assert is_locked(FetchFiles(home, PHOTOS).job.lock)
    assert work(home, PHOTOS) is None  # nor does a second process get in
    server.gate.set()
    assert wait(home, PHOTOS, ended).state is FetchState.FINISHED
    assert [path for path, _ in server.asked] == ["/photos"]


def test_cancelling_keeps_what_has_arrived_and_the_next_one_goes_on(
    home: Home, server: FetchServer
) -> None:
    hold_after(server, 2 << 20)
    started = start_fetch(home, PHOTOS)
    wait(home, PHOTOS, lambda fetch: fetch.done >= 2 << 20)
    begun = time.monotonic()
    cancel_fetch(home, PHOTOS)  # the connection is silent now: nobody asks the reporter
    assert wait(home, PHOTOS, ended).state is FetchState.CANCELLED
    assert time.monotonic() - begun < 5
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(started.pid).wait(10)  # until then it would keep what arrives
    server.gate.set()
    start_fetch(home, PHOTOS)
    assert wait(home, PHOTOS, ended).state is FetchState.FINISHED
    assert server.asked[1] == ("/photos", f"bytes={2 << 20}-")


def test_a_process_that_is_killed_is_noticed_and_its_download_continued(
    home: Home, server: FetchServer
) -> None:
    hold_after(server, 1 << 20)
    start_fetch(home, PHOTOS)
    running = wait(home, PHOTOS, lambda fetch: fetch.done > 0)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    dead = wait(home, PHOTOS, ended)
    assert dead.state is FetchState.FAILED
    assert "ended without saying why" in dead.error
    assert "continues where it stopped" in dead.hint
    server.gate.set()
    start_fetch(home, PHOTOS)
    assert wait(home, PHOTOS, ended).state is FetchState.FINISHED
    assert server.asked[-1][1] is not None


def test_a_number_that_another_process_has_now_is_not_taken_for_it(home: Home) -> None:
    files = FetchFiles(home, PHOTOS)
    now = time.time()
    mine = psutil.Process().pid
    files.write(
        Fetch(
            item=PHOTOS,
            state=FetchState.RUNNING,
            started=now,
            updated=now,
            pid=mine,
            token="another life",  # noqa: S106 - of a process, no secret
        )
    )
    found = fetch_of(home, PHOTOS)
    assert found is not None
    assert found.state is FetchState.FAILED


def test_a_download_outlives_whoever_started_it(home: Home, server: FetchServer) -> None:
    hold_after(server, 1 << 20)
    code = """
        import sys
        from pathlib import Path
        from effq_core.care.fetches import start_fetch
        from effq_core.base.settings import Home
        start_fetch(Home(Path(sys.argv[1])), "imagenette")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(home.root)], check=True)
    wait(home, PHOTOS, lambda fetch: fetch.done > 0)
    server.gate.set()
    assert wait(home, PHOTOS, ended).state is FetchState.FINISHED


def test_offline_it_fails_with_the_ways_without_a_network(home: Home, server: FetchServer) -> None:
    server.shutdown()
    server.server_close()
    start_fetch(home, PHOTOS)
    failed = wait(home, PHOTOS, ended)
    assert failed.state is FetchState.FAILED
    assert "cannot be reached" in failed.error
    assert str(home.datasets / "imagenette2-160") in failed.hint


def test_how_a_download_ended_can_be_forgotten_but_not_a_running_one(
    home: Home, server: FetchServer
) -> None:
    hold_after(server, 1 << 20)
    start_fetch(home, WEIGHTS_MODEL)
    dismiss_fetch(home, WEIGHTS_MODEL)
    assert fetch_of(home, WEIGHTS_MODEL) is not None
    server.gate.set()
    wait(home, WEIGHTS_MODEL, ended)
    dismiss_fetch(home, WEIGHTS_MODEL)
    assert fetch_of(home, WEIGHTS_MODEL) is None
    cancel_fetch(home, WEIGHTS_MODEL)
    assert not FetchFiles(home, WEIGHTS_MODEL).job.cancel.exists()


@pytest.mark.parametrize("item", ["photo_patches", "../x", "", "efficientnet_lite0_imagenet"])
def test_only_what_can_be_downloaded_is_and_no_path_is_made_of_the_rest(
    home: Home, item: str
) -> None:
    for touch in (fetch_of, start_fetch, cancel_fetch, dismiss_fetch):
        with pytest.raises(InputError, match="cannot be downloaded"):
            touch(home, item)
    assert not home.root.exists()
    assert fetchable() == ("imagenette", WEIGHTS_MODEL)


def test_progress_says_how_long_it_takes_or_that_it_stands_still() -> None:
    now = time.time()
    fetch = Fetch(
        item=PHOTOS,
        state=FetchState.RUNNING,
        started=now,
        updated=now,
        done=30,
        total=90,
        rate=20.0,
    )
    assert fetch.share == pytest.approx(1 / 3)
    assert fetch.seconds_left == 3.0
    silent = Fetch(**{**vars(fetch), "updated": now - 60})
    assert silent.is_stalled
    assert silent.seconds_left is None
    unknown = Fetch(**{**vars(fetch), "total": 0})
    assert (unknown.share, unknown.seconds_left) == (None, None)
