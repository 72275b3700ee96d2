from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from effq_core.base.errors import StoreError
from effq_core.base.settings import Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.manifest import Artifact

PRINT = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(Home(tmp_path / "home"))


def make(store: ArtifactStore, content: bytes = b"hello", fingerprint: str = PRINT) -> Artifact:
    with store.create("convert", fingerprint, {"params": {"a": 1}}) as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "model.bin").write_bytes(content)
        (draft.path / "sub" / "note.txt").write_text("note")
        draft.summary = {"size": len(content)}
    assert draft.artifact is not None
    return draft.artifact


def leftovers(store: ArtifactStore) -> list[Path]:
    return list(store.root.glob("*/.tmp-*"))


def test_an_artifact_appears_whole_with_its_manifest(store: ArtifactStore) -> None:
    assert store.find("convert", PRINT) is None
    with store.create("convert", PRINT, {}) as draft:
        (draft.path / "model.bin").write_bytes(b"x")
        assert store.find("convert", PRINT) is None
    store.delete("convert", PRINT)
    made = make(store)
    found = store.find("convert", PRINT)
    assert found == made
    assert found is not None
    assert found.inputs == {"params": {"a": 1}}
    assert found.summary == {"size": 5}
    assert [(entry.path, entry.size) for entry in found.files] == [
        ("model.bin", 5),
        ("sub/note.txt", 4),
    ]
    assert {"python", "effq"} <= set(found.versions)
    assert store.verify(found) == []
    assert store.list_all() == [found]
    assert found.size == 9
    assert leftovers(store) == []


def test_an_exception_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(ZeroDivisionError), store.create("convert", PRINT, {}) as draft:
        (draft.path / "half").write_bytes(b"x")
        raise ZeroDivisionError
    assert store.find("convert", PRINT) is None
    assert leftovers(store) == []


def test_the_first_of_two_that_finish_is_kept(store: ArtifactStore) -> None:
    with store.create("convert", PRINT, {}) as late:
        (late.path / "model.bin").write_bytes(b"late")
        first = make(store, b"first")
    assert late.artifact == first
    assert (store.path("convert", PRINT) / "model.bin").read_bytes() == b"first"
    assert leftovers(store) == []


@pytest.mark.parametrize("damage", ["truncated", "removed", "no manifest", "bad manifest", "other"])
def test_a_damaged_artifact_is_set_aside_and_made_anew(store: ArtifactStore, damage: str) -> None:
    path = make(store).path
    if damage == "truncated":
        os.truncate(path / "model.bin", 2)
    elif damage == "removed":
        (path / "sub" / "note.txt").unlink()
    elif damage == "no manifest":
        (path / "manifest.json").unlink()
    elif damage == "bad manifest":
        os.truncate(path / "manifest.json", 40)
    else:
        text = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps(text | {"fingerprint": "cd" * 32}))
    assert store.find("convert", PRINT) is None
    assert not path.exists()
    assert len(list((store.root / ".quarantine").iterdir())) == 1
    (warning,) = store.take_warnings()
    assert "quarantine" in warning
    assert store.take_warnings() == []
    assert store.list_all() == []
    make(store)
    assert store.find("convert", PRINT) is not None


def test_verify_finds_a_changed_byte(store: ArtifactStore) -> None:
    made = make(store)
    (made.path / "model.bin").write_bytes(b"hellO")
    assert store.find("convert", PRINT) is not None
    (problem,) = store.verify(made)
    assert "model.bin" in problem


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        while True:
            try:
                held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_passing_error_is_said_and_the_artifact_stays(store: ArtifactStore) -> None:
    made = make(store)
    with no_file_can_be_opened():
        with pytest.raises(StoreError, match="Too many open files"):
            store.find("convert", PRINT)
        with pytest.raises(StoreError, match="Too many open files"):
            store.verify(made)
        with pytest.raises(StoreError, match="Too many open files"):
            store.list_all()
    assert store.take_warnings() == []
    assert store.find("convert", PRINT) == made
    assert store.verify(made) == []


def test_a_manifest_that_is_a_folder_is_damage(store: ArtifactStore) -> None:
    file = make(store).path / "manifest.json"
    file.unlink()
    file.mkdir()
    assert store.find("convert", PRINT) is None
    assert len(store.take_warnings()) == 1


@pytest.mark.parametrize(
    ("stage", "fingerprint"),
    [("../x", PRINT), ("convert", "../../etc"), ("convert", "AB" * 32), ("", PRINT)],
)
def test_names_that_could_leave_the_store_are_refused(
    store: ArtifactStore, stage: str, fingerprint: str
) -> None:
    with pytest.raises(StoreError):
        store.path(stage, fingerprint)


def test_a_full_disk_is_said_and_leaves_nothing(store: ArtifactStore) -> None:
    make(store)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with (
            pytest.raises(StoreError, match="no space left") as caught,
            store.create("convert", "cd" * 32, {}) as draft,
            (draft.path / "big.bin").open("wb") as file,
        ):
            for _ in range(100):
                file.write(b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "EFFQ_HOME" in caught.value.hint
    assert store.find("convert", "cd" * 32) is None
    assert leftovers(store) == []
    assert store.find("convert", PRINT) is not None


def test_a_really_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        store = ArtifactStore(Home(mount))
        with (
            pytest.raises(StoreError, match="no space left"),
            store.create("convert", PRINT, {}) as draft,
        ):
            (draft.path / "big.bin").write_bytes(b"x" * 3_000_000)
        assert leftovers(store) == []
        make(store)
        assert store.find("convert", PRINT) is not None
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_store_below_a_file_is_said(tmp_path: Path) -> None:
    # Permission bits do not stop root, under whom tests may run; a file as a folder stops everyone.
    (tmp_path / "file").write_text("")
    store = ArtifactStore(Home(tmp_path / "file" / "home"))
    assert store.find("convert", PRINT) is None
    with pytest.raises(StoreError) as caught, store.create("convert", PRINT, {}):
        pytest.fail("the block must not run")
    assert caught.value.hint
    assert (tmp_path / "file").read_text() == ""


def test_what_a_killed_process_leaves_is_removed_and_what_a_live_one_makes_is_not(
    store: ArtifactStore,
) -> None:
    code = f"""
        import pathlib, time
        from effq_core.base.settings import Home
        from effq_core.store.artifacts import ArtifactStore
        store = ArtifactStore(Home(pathlib.Path({str(store.home.root)!r})))
        with store.create("convert", {PRINT!r}, {{}}) as draft:
            (draft.path / "half").write_text("half")
            print("ready", flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert store.sweep() == []
    assert len(leftovers(store)) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with store.lock("convert", PRINT):
        assert leftovers(store) == []


def _make_once(root: str, barrier: object, made: object) -> None:
    store = ArtifactStore(Home(Path(root)))
    barrier.wait()  # type: ignore[attr-defined]
    with store.lock("convert", PRINT):
        if store.find("convert", PRINT) is None:
            make(store)
            made.put(os.getpid())  # type: ignore[attr-defined]


def test_of_processes_that_want_the_same_one_makes_it(store: ArtifactStore) -> None:
    context = multiprocessing.get_context("fork")
    barrier, made = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_make_once, args=(str(store.home.root), barrier, made))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    made.get(timeout=5)
    assert made.empty()
