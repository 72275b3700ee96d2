"""How long one invocation takes, measured in a fresh process of its own.

A worker that has trained a model carries TensorFlow's threads, allocator settings and a big heap;
none of that may leak into a timing. So :func:`measure_latency` starts
``python -m effq_core.measure.latency_probe`` and reads its JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.errors import ExperimentError, ModelError, StageError
from effq_core.hardware import Hardware, describe
from effq_core.measure.intervals import median_interval
from effq_core.measure.latency_probe import MODEL_ERROR
from effq_core.reporting import Reporter, SilentReporter

BUSY_SHARE = 0.10
"""Share of all cores other processes may use before a measurement carries a warning. An idle
desktop stays below 0.05; one busy core of eight is 0.125."""

PROBE = "effq_core.measure.latency_probe"
"""The module the measuring process runs."""

_POLL_SECONDS = 0.2
_ALLOCATOR_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "LD_PRELOAD")
"""What a worker's environment sets for the sake of training; a user's process does not."""


@dataclass(frozen=True, kw_only=True)
class LatencyReport:
    """Timings of one file at one thread count. Times are in milliseconds.

    Attributes:
        samples_ms: Every timed invocation, in order.
        threads: Threads an invocation may use.
        warmup: Invocations before the first timed one, the cold one not counted.
        mean_ms: Mean (what the paper reports).
        median_ms: Median.
        median_low_ms: Lower end of a distribution-free 95 % interval of the median.
        median_high_ms: Upper end.
        p90_ms: 90th percentile.
        p99_ms: 99th percentile.
        min_ms: Fastest.
        std_ms: Standard deviation (n - 1).
        images_per_second: Invocations one interpreter does in a second, by the median.
        load_ms: Opening the file and preparing its tensors, XNNPACK's weight packing included;
            the file itself is usually in the system's cache.
        first_invoke_ms: The first invocation.
        cold_start_ms: Both together: what a user waits for the first answer.
        peak_memory_kib: Growth of the process's resident memory from before the file is opened to
            its highest point.
        others_share: Share of all cores that other processes used meanwhile, 0–1.
        warning: Why not to trust the timing; empty where nothing speaks against it.
        hardware: The machine.
    """

    samples_ms: tuple[float, ...]
    threads: int
    warmup: int
    mean_ms: float
    median_ms: float
    median_low_ms: float
    median_high_ms: float
    p90_ms: float
    p99_ms: float
    min_ms: float
    std_ms: float
    images_per_second: float
    load_ms: float
    first_invoke_ms: float
    cold_start_ms: float
    peak_memory_kib: int
    others_share: float
    warning: str
    hardware: Hardware

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            **asdict(self),
            "samples_ms": list(self.samples_ms),
            "hardware": self.hardware.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> LatencyReport:
        """Rebuilds a report from :meth:`to_dict`.

        Args:
            plain: JSON values.

        Returns:
            The report.
        """
        return cls(
            **{
                **plain,
                "samples_ms": tuple(plain["samples_ms"]),
                "hardware": Hardware.from_dict(plain["hardware"]),
            }
        )


def measure_latency(
    path: Path | str,
    threads: int,
    *,
    invocations: int = 100,
    warmup: int = 10,
    reporter: Reporter | None = None,
) -> LatencyReport:
    """Times a ``.tflite`` file in a fresh process. Nothing else should use the cores meanwhile.

    Args:
        path: The file.
        threads: Threads an invocation may use.
        invocations: Timed invocations, 2 or more.
        warmup: Invocations before them that are not timed.
        reporter: Told when it is done; asked five times a second whether to stop.

    Returns:
        The timings, with a warning where other processes were busy.

    Raises:
        ModelError: If the file is missing, corrupt or not an image classifier.
        ExperimentError: If a count is too small.
        StageError: If the measuring process failed.
        Cancelled: If the reporter says so; the measuring process is ended first.
    """
    if threads < 1 or invocations < 2 or warmup < 0:
        raise ExperimentError(
            f"{threads} threads, {invocations} timed invocations after {warmup} cannot be timed.",
            "Choose 1 thread or more and 2 invocations or more.",
        )
    reporter = reporter or SilentReporter()
    command = [sys.executable, "-m", PROBE, str(path)]
    command += [f"--threads={threads}", f"--invocations={invocations}", f"--warmup={warmup}"]
    stdout, stderr, code = _run(command, reporter)
    if code == MODEL_ERROR:
        fault = json.loads(stdout)
        raise ModelError(fault["message"], fault["hint"])
    if code != 0:
        tail = "\n".join(stderr.strip().splitlines()[-15:])
        raise StageError(
            f"Measuring the latency of {path} failed with exit code {code}: {tail or 'no output'}",
            "Run it again; if it fails again the file crashes LiteRT on this processor.",
        )
    reporter.progress(invocations, invocations, "invocations")
    return summarize(json.loads(stdout), threads=threads, warmup=warmup)


def summarize(measured: dict[str, Any], *, threads: int, warmup: int) -> LatencyReport:
    """Turns raw timings into a report.

    Args:
        measured: What :func:`latency_probe.measure_here` returned.
        threads: Threads an invocation could use.
        warmup: Invocations before the timed ones.

    Returns:
        The report, of this machine.
    """
    samples = tuple(float(sample) for sample in measured["samples_ms"])
    low, high = median_interval(samples)
    median = float(np.median(samples))
    share = float(measured["others_share"])
    return LatencyReport(
        samples_ms=samples,
        threads=threads,
        warmup=warmup,
        mean_ms=float(np.mean(samples)),
        median_ms=median,
        median_low_ms=low,
        median_high_ms=high,
        p90_ms=float(np.percentile(samples, 90)),
        p99_ms=float(np.percentile(samples, 99)),
        min_ms=min(samples),
        std_ms=float(np.std(samples, ddof=1)),
        images_per_second=1000 / median,
        load_ms=measured["load_ms"],
        first_invoke_ms=measured["first_invoke_ms"],
        cold_start_ms=measured["load_ms"] + measured["first_invoke_ms"],
        peak_memory_kib=int(measured["peak_memory_kib"]),
        others_share=share,
        warning=busy_warning(share),
        hardware=describe(),
    )


def busy_warning(others_share: float) -> str:
    """Says whether a machine was too busy to trust a timing.

    Args:
        others_share: Share of all cores other processes used, 0–1.

    Returns:
        A sentence, or nothing up to :data:`BUSY_SHARE`.
    """
    if others_share <= BUSY_SHARE:
        return ""
    return (
        f"Other processes used {100 * others_share:.0f} % of the processor during the measurement; "
        "times are too long. Close them and measure again."
    )


def _run(command: Sequence[str], reporter: Reporter) -> tuple[str, str, int]:
    """Runs a command to its end and returns its output, error output and exit code."""
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
