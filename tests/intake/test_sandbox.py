"""The checking process is bounded, can be stopped, and has no rights of the user's."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from effq_core.base.errors import Cancelled, ModelError
from effq_core.base.settings import Home
from effq_core.intake import sandbox
from effq_core.intake.adding import check
from effq_core.intake.sandbox import GIB, Bounds
from effq_core.intake.steps import Step
from tests.intake.checked_files import OFFER, left_behind, refused
from tests.models.own_files import tiny_classifier


def test_a_check_that_takes_too_long_is_killed(home: Home, tmp_path: Path) -> None:
    path, before = tiny_classifier(tmp_path), time.monotonic()
    assert "took longer than" in refused(home, path, bounds=Bounds(seconds=1.5))
    assert time.monotonic() - before < 10
    assert _workers() == []


def test_a_check_that_takes_too_much_memory_is_killed(home: Home, tmp_path: Path) -> None:
    message = refused(home, tiny_classifier(tmp_path), bounds=Bounds(resident=200 << 20))
    assert "more than 200 MiB of memory" in message
    assert _workers() == []


def test_addresses_are_bounded_by_the_kernel_as_well(home: Home, tmp_path: Path) -> None:
    # Not enough to load TensorFlow's libraries: whatever way that ends, only the upload is lost.
    assert refused(home, tiny_classifier(tmp_path), bounds=Bounds(address_space=GIB // 2))
    assert _workers() == []


def test_a_check_that_crashes_costs_only_that_upload(home: Home, tmp_path: Path) -> None:
    def crash(found: tuple[Step, ...]) -> None:
        if found:
            for process in psutil.Process().children():
                if "effq_core.intake.worker" in " ".join(process.cmdline()):
                    process.send_signal(11)

    with pytest.raises(ModelError, match=r"crashed.*SIGSEGV"):
        check(home, tiny_classifier(tmp_path), OFFER, on_steps=crash)
    assert left_behind(home) == []


def test_stopping_a_check_ends_its_process(home: Home, tmp_path: Path) -> None:
    def stop(found: tuple[Step, ...]) -> None:
        if found:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        check(home, tiny_classifier(tmp_path), OFFER, on_steps=stop)
    assert _workers() == []
    assert left_behind(home) == []


def _workers() -> list[int]:
    mine = psutil.Process().children(recursive=True)
    return [each.pid for each in mine if "effq_core.intake.worker" in " ".join(each.cmdline())]


_INTRUDER = """
import socket, sys
from pathlib import Path
from effq_core.intake import landlock
allowed, forbidden, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
enforced = landlock.restrict(readable=[Path("/usr"), Path(sys.prefix)], writable=[allowed])
(allowed / "mine").write_text("fine")
def tried(what):
    try:
        what()
    except OSError:
        return "refused"
    return "done"
print(*enforced, sep=",")
print(tried(lambda: (forbidden / "new").write_text("x")))
print(tried(lambda: (forbidden / "secret").read_text()))
print(tried(lambda: (forbidden / "secret").unlink()))
print(tried(lambda: socket.create_connection(("127.0.0.1", port), 1)))
"""


def test_a_process_without_rights_reads_and_writes_nothing_of_the_users(tmp_path: Path) -> None:
    import socket

    for name in ("allowed", "forbidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "forbidden" / "secret").write_text("s")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = subprocess.run(
            [
                *(sys.executable, "-c", _INTRUDER),
                *(str(tmp_path / "allowed"), str(tmp_path / "forbidden")),
                str(server.getsockname()[1]),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
    if not said[0]:
        pytest.skip("this kernel has no Landlock")
    assert said[1:4] == ["refused"] * 3
    if "tcp" in said[0]:
        assert said[4] == "refused"


def test_the_environment_of_a_check_tells_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("EFFQ_HOME", "/somewhere")
    environment = sandbox._environment(tmp_path)
    assert not {"MY_TOKEN", "EFFQ_HOME"} & set(environment)
    assert environment["HOME"] == environment["TMPDIR"] == str(tmp_path)
