"""Timing a file in a fresh process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from effq_core.base.errors import ExperimentError, ModelError, StageError
from effq_core.base.reporting import Reporter, SilentReporter
from effq_core.measure.latency import Measured
from effq_core.measure.latency_probe import MODEL_ERROR
from effq_core.runtimes.registry import runtime_of

PROBE = "effq_core.measure.latency_probe"  # the module the measuring process runs

_POLL_SECONDS = 0.2
_ALLOCATOR_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "LD_PRELOAD")
"""What a worker's environment sets for the sake of training; a user's process does not."""


def probe(
    path: Path | str,
    threads: Sequence[int],
    *,
    invocations: int,
    warmup: int = 10,
    reporter: Reporter | None = None,
) -> tuple[Measured, ...]:
    """Times a model file in a fresh process, one entry a thread count; leave the cores alone.

    ``invocations``, 2 or more, are timed after ``warmup``. Raises ModelError if the file is no
    image classifier, ExperimentError if a count is too small, StageError if the process failed.
    """
    if min(threads, default=0) < 1 or invocations < 2 or warmup < 0:
        raise ExperimentError(
            f"{', '.join(map(str, threads)) or 0} threads, {invocations} timed invocations after "
            f"{warmup} cannot be timed.",
            "Choose 1 thread or more and 2 invocations or more.",
        )
    command = [sys.executable, "-m", PROBE, str(path), "--threads", *map(str, threads)]
    command += [f"--invocations={invocations}", f"--warmup={warmup}"]
    stdout, stderr, code = _run(command, reporter or SilentReporter())
    if code == MODEL_ERROR:
        fault = json.loads(stdout)
        raise ModelError(fault["message"], fault["hint"])
    if code != 0:
        tail = "\n".join(stderr.strip().splitlines()[-15:])
        raise StageError(
            f"Measuring the latency of {path} failed with exit code {code}: {tail or 'no output'}",
            "Run it again; if it fails again the file crashes "
            f"{runtime_of(Path(path)).title} on this processor.",
        )
    return tuple(
        Measured(**{**found, "samples_ms": tuple(map(float, found["samples_ms"]))})
        for found in json.loads(stdout)
    )


def _run(command: Sequence[str], reporter: Reporter) -> tuple[str, str, int]:
    reporter.check_cancelled()
    environment = {k: v for k, v in os.environ.items() if k not in _ALLOCATOR_SETTINGS}
    root = str(Path(__file__).resolve().parents[2])
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([root, known] if known else [root])
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        while True:
            try:
                stdout, stderr = child.communicate(timeout=_POLL_SECONDS)
                return stdout, stderr, child.returncode
            except subprocess.TimeoutExpired:
                reporter.check_cancelled()
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
