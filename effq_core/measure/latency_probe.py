"""The process that times one model file: ``python -m effq_core.measure.latency_probe``.

It imports as little as it can, prints JSON and ends. Each thread count has a session of its own.
Only the first tells of a cold start and of memory: the others find the kernels' code and the heap
as it left them.
"""

import argparse
import contextlib
import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from effq_core.base.errors import ModelError
from effq_core.measure.others import OtherProcesses
from effq_core.runtimes.model import Model
from effq_core.runtimes.registry import runtime_of

MODEL_ERROR = 3  # exit code of an unusable file; JSON ``message`` and ``hint``
WATCHED_SECONDS = 0.25  # shortest watch of others: the system counts in hundredths of a second


def measure_here(path: Path, *, threads: int, invocations: int, warmup: int) -> dict[str, Any]:
    """Times a file here: what ``Measured`` holds but ``first``. Raises ModelError if it cannot."""
    runtime_of(path).start()
    memory = _PeakMemory()
    start = time.perf_counter_ns()
    model = Model(path, threads=threads)
    load_ms = (time.perf_counter_ns() - start) / 1e6
    # Noise, not zeros: zeros become denormal or constant activations, which can be faster.
    image = np.random.default_rng(0).integers(0, 256, model.image_shape, dtype=np.uint8)
    session = model.session
    session.feed(model.prepare(image))
    [first_invoke_ms] = session.time(1)
    watch, begun, warmed = OtherProcesses(), time.perf_counter(), 0
    while warmed < warmup or _watched(begun, warmed, invocations) < WATCHED_SECONDS:
        session.invoke()
        warmed += 1
    samples_ms = session.time(invocations)
    return {
        "threads": threads,
        "samples_ms": samples_ms,
        "load_ms": load_ms,
        "first_invoke_ms": first_invoke_ms,
        "others_share": watch.share(),
        "peak_memory_kib": memory.growth_kib(),
    }


def _watched(begun: float, warmed: int, invocations: int) -> float:
    elapsed = time.perf_counter() - begun
    return elapsed * (1 + invocations / warmed) if warmed else 0.0


class _PeakMemory:
    """Growth of this process's resident memory, from when it was made to its highest point."""

    def __init__(self) -> None:
        # Lowers Linux' high-water mark; where it cannot, that of the imports stays.
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._before = int(psutil.Process().memory_info().rss) // 1024

    def growth_kib(self) -> int:
        """Returns the growth in KiB."""
        return max(0, self._peak_kib() - self._before)

    @staticmethod
    def _peak_kib() -> int:
        # Not ru_maxrss on Linux: a child inherits that of the TensorFlow worker that started it.
        status = Path("/proc/self/status")
        if status.is_file():
            for line in status.read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
        if sys.platform == "win32":
            return int(psutil.Process().memory_info().peak_wset) // 1024
        import resource  # does not exist on Windows

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak  # bytes there, KiB elsewhere


def _main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="effq_core.measure.latency_probe", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, required=True, nargs="+")
    parser.add_argument("--invocations", type=int, required=True)
    parser.add_argument("--warmup", type=int, required=True)
    choices = parser.parse_args(arguments)
    answer: Any
    try:
        answer, code = [], 0
        for threads in choices.threads:
            count, warmup = choices.invocations, choices.warmup
            found = measure_here(choices.path, threads=threads, invocations=count, warmup=warmup)
            answer.append({**found, "first": not answer})
            gc.collect()  # the session and its threads
    except ModelError as error:
        answer, code = {"message": error.message, "hint": error.hint}, MODEL_ERROR
    json.dump(answer, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(_main())
