"""Giving up rights for good, by Landlock (Linux 5.13, no Python module): files, network, memory."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on all architectures
_VERSION = 1
_BENEATH = 1
_NO_NEW_PRIVILEGES, _PARENT_DEATH = 38, 1
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_READING = _EXECUTE | _READ | _LIST
_FIRST = (1 << 13) - 1  # every right of the first version
_REFER, _TRUNCATE, _DEVICE = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
_BIND, _CONNECT = 1, 2


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def limit_resources(*, memory: int, seconds: int, file_bytes: int) -> None:
    """Bounds this process, and its children: bytes of memory and a file, processor seconds."""
    bounds = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 512,
    }
    for which, wanted in bounds.items():
        hard = resource.getrlimit(which)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (value, value))


def die_with_parent() -> bool:
    """Asks to be killed when the thread that started this process ends; Linux only."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0) == 0)


def restrict(*, readable: Iterable[Path], writable: Iterable[Path]) -> tuple[str, ...]:
    """Gives up all files but these, and TCP; returns which of ``files`` and ``tcp`` is enforced."""
    if not sys.platform.startswith("linux"):
        return ()
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, 0, _VERSION)
    if version < 1:
        return ()
    handled = _FIRST | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled |= _DEVICE if version >= 5 else 0
    network = _BIND | _CONNECT if version >= 4 else 0
    rules = _Rules(handled, network)
    size = ctypes.sizeof(_Rules) if version >= 4 else 8
    ruleset = libc.syscall(_CREATE, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return ()
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READING & handled)
        for path in writable:
            _allow(libc, ruleset, path, handled & ~_DEVICE & ~_EXECUTE)
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.syscall(_RESTRICT, ruleset, 0):
            return ()
    finally:
        os.close(ruleset)
    return ("files", "tcp") if network else ("files",)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine
    try:
        rule = _Beneath(rights if path.is_dir() else rights & _OF_FILES, descriptor)
        libc.syscall(_ADD, ruleset, _BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
