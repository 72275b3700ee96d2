"""What this machine and store offer to a run: the answers of ``effq doctor``."""

import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from urllib.parse import urlsplit

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.errors import EffqError
from effq_core.base.plain import Plain
from effq_core.base.settings import Home
from effq_core.runtimes.registry import packages

LEAST_MEMORY = 4 << 30  # bytes of main memory a fine-tuning worker can need
LEAST_DISK = 2 << 30  # bytes that should be free: four runs of everything
_TIMEOUT = 3.0
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)")


class State(StrEnum):
    """How a check turned out."""

    OK = "ok"
    NOTE = "note"  # worth knowing; most runs work nevertheless
    FAILED = "failed"  # runs cannot work


@dataclass(frozen=True, kw_only=True)
class Check(Plain):
    """One thing that was looked at; the hint is empty where nothing is to be done."""

    name: str
    state: State
    found: str
    hint: str = ""


def _check(name: str, found: str, hint: str = "", *, bad: State = State.NOTE) -> Check:
    return Check(name=name, state=bad if hint else State.OK, found=found, hint=hint)


def examine(home: Home, *, network: bool = True, hashes: bool = False) -> list[Check]:
    """Looks at everything a run needs, ``network`` and all ``hashes`` if asked; none raises."""
    looks: list[tuple[str, Callable[[], list[Check]]]] = [
        *(("versions", _versions), ("machine", _machine), ("store", lambda: _store(home))),
        ("engine", lambda: [_engine(home)]),
        ("models", lambda: _models(home)),
        ("photos", lambda: _photos(home)),
        ("brought", lambda: _brought(home, hashes)),
    ]
    if network:
        looks.append(("network", _network))
    found: list[Check] = []
    for name, look in looks:
        try:
            found += look()
        except EffqError as error:
            found.append(Check(name=name, state=State.FAILED, found=error.message, hint=error.hint))
        except OSError as error:
            found.append(Check(name=name, state=State.FAILED, found=str(error)))
    return found


def _versions() -> list[Check]:
    versions = hardware.library_versions(packages())
    problems = []
    for name, wanted in _required().items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            problems.append((State.FAILED, f"{name} is missing"))
            continue
        if found != wanted:
            problems.append((State.NOTE, f"{name} is {found}, EffQ is tested with {wanted}"))
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    checks = [_check("versions", text)]
    hint = "Install EffQ again, into an environment of its own."
    return checks + [
        Check(name="versions", state=state, found=found, hint=hint) for state, found in problems
    ]


def _required() -> dict[str, str]:
    pins = (_PIN.fullmatch(line) for line in metadata.requires("effq-studio") or ())
    return {pin["name"]: pin["version"] for pin in pins if pin}


def _machine() -> list[Check]:
    machine = hardware.describe()
    cores = fmt.counted(machine.logical_cores, "hardware thread")
    flags = ", ".join(machine.flags)
    slow = "" if flags else "Integer variants may be no faster than float32 here."
    short = "Fine-tuning needs up to 4 GiB; leave out int8_qat if it fails."
    enough = machine.memory_bytes >= LEAST_MEMORY
    return [
        _check("processor", f"{machine.cpu}, {cores}, {machine.system}, Python {machine.python}"),
        _check("instructions", flags or "none known", slow),
        _check("memory", fmt.size(machine.memory_bytes), "" if enough else short),
    ]


def _store(home: Home) -> list[Check]:
    from effq_core.base.files import make_folder, store_errors
    from effq_core.store.artifacts import ArtifactStore
    from effq_core.store.database import Database

    probe = make_folder(home.root) / f".doctor-{secrets.token_hex(4)}"
    with store_errors(probe):
        probe.touch()
        probe.unlink()
    free = shutil.disk_usage(home.root).free
    with Database(home.database) as database:
        database.check()
        runs = len(database.list_runs())
    store = ArtifactStore(home)
    artifacts = store.list_all()
    damaged = store.take_warnings()
    used = fmt.size(sum(artifact.size for artifact in artifacts))
    moved = "EFFQ_HOME" if os.environ.get("EFFQ_HOME") else "the default; EFFQ_HOME moves it"
    full = "Free some space, or move the store to a new disk." if free < LEAST_DISK else ""
    held = f"{fmt.counted(runs, 'run')}, {fmt.counted(len(artifacts), 'artifact')}, {used}"
    return [
        _check("store", f"{home.root} ({moved})"),
        _check("disk", f"{fmt.size(free)} free", full),
        _check("contents", held),
        *(Check(name="damage", state=State.NOTE, found=warning) for warning in damaged),
    ]


def _engine(home: Home) -> Check:
    from effq_core.pipeline import engine, engine_files

    external = engine.external_scheduler()
    if external is not None:
        problem = _unreachable(external)
        found = f"the Dask scheduler {external} {problem or 'answers'}"
        hint = "Start it, correct EFFQ_SCHEDULER, or unset it." if problem else ""
        return _check("engine", found, hint, bad=State.FAILED)
    state = engine.running(home)
    if state is None:
        return _check("engine", "not running; a run starts it")
    problem = _unreachable(state["address"])
    found = f"running at {state['address']}, process {state['pid']}"
    if problem:
        hint = f"Its log is {home.engine / engine_files.LOG}; the next run restarts it."
        return _check("engine", f"{found}, {problem}", hint)
    if state.get("code") != engine_files.code_stamp():
        return _check("engine", f"{found}, with older code", "The next run restarts it.")
    return _check("engine", found)


def _models(home: Home) -> list[Check]:
    from effq_core.models.catalogue import MODELS

    checks = []
    for card in MODELS.values():
        present = card.is_present(home)
        found, hint = "present" if present else "downloaded at first use", ""
        if card.bundled and not present:
            found, hint = f"its file {card.weights.file} is missing", "Install EffQ again."
        checks.append(_check(f"model {card.id}", found, hint, bad=State.FAILED))
    return checks


def _photos(home: Home) -> list[Check]:
    from effq_core.photos.catalogue import Origin, available

    checks = []
    for card in available(home):
        found, hint = "present", ""
        if not card.is_present:
            found, hint = "not downloaded", f"`effq datasets download {card.id}`"
            if card.origin is Origin.FOLDER:
                found, hint = "gone", "Put the folder back, or take it off the list of datasets."
        checks.append(_check(f"photos {card.id}", found, hint))
    return checks


def _brought(home: Home, hashes: bool) -> list[Check]:
    from effq_core.care.own_content import look_through

    found = look_through(home, hashes=hashes)
    checks = [_check("brought", text, "Nothing of it was deleted.") for text in found.problems]
    how = ", every byte compared" if hashes else ""
    if found.counts and not checks:
        checks.append(_check("brought", f"{', '.join(found.counts)} of your own{how}"))
    return checks


def _network() -> list[Check]:
    from effq_core.models.catalogue import MODELS
    from effq_core.photos.imagenette import URL

    # Only whether somebody answers: a download checks what it gets by itself.
    urls = dict.fromkeys([URL, *(card.weights.url for card in MODELS.values() if card.weights.url)])
    with ThreadPoolExecutor(len(urls)) as executor:
        problems = list(executor.map(_unreachable, urls))
    return [
        _check(
            "network",
            f"{urlsplit(url).hostname} {problem or 'answers'}",
            "Downloads will fail; bundled and downloaded files work." if problem else "",
        )
        for url, problem in zip(urls, problems, strict=True)
    ]


def _unreachable(address: str) -> str:
    try:
        where = urlsplit(address)
        port = where.port or (443 if where.scheme == "https" else 80)
        with socket.create_connection((where.hostname or "", port), timeout=_TIMEOUT):
            return ""
    except (OSError, ValueError) as error:
        return f"does not answer ({error})"
