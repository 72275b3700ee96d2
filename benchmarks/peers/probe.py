"""One model in one process: `python -m benchmarks.peers.probe {predict,time} RUNTIME MODEL ...`.

Every tool's file goes through the same loop; only the runtime behind it differs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.peers.runtimes import RUNTIMES, Runner


def predict(runner: Runner, images: Path, out: Path) -> None:
    """Classifies every image and writes float32 ``(n, classes)``."""
    pixels = np.load(images, mmap_mode="r")
    answers = []
    for image in pixels:
        runner.feed(np.asarray(image))
        runner.invoke()
        answers.append(runner.answer())
    draft = out.with_suffix(".draft.npy")
    np.save(draft, np.stack(answers))
    draft.replace(out)


def measure(runner: Runner, *, invocations: int, warmup: int) -> dict[str, Any]:
    """Times a model.

    Args:
        runner: The model.
        invocations: Timed invocations.
        warmup: Invocations before them.

    Returns:
        ``samples_ms``; ``cores_used``: processor time of this process by wall time, which shows
        whether the runtime kept to its threads; ``others_share``: share of all cores that others
        used meanwhile, 0-1.
    """
    # Noise, not zeros: zeros become denormal or constant activations, which can be faster.
    shape = (runner.side, runner.side, 3)
    runner.feed(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    for _ in range(warmup):
        runner.invoke()
    samples = []
    machine, own, wall = _busy(), time.process_time(), time.perf_counter()
    for _ in range(invocations):
        begin = time.perf_counter_ns()
        runner.invoke()
        samples.append((time.perf_counter_ns() - begin) / 1e6)
    wall = time.perf_counter() - wall
    own = time.process_time() - own
    others = (_busy() - machine - own) / (wall * (os.cpu_count() or 1))
    return {
        "samples_ms": samples,
        "cores_used": own / wall,
        "others_share": min(1.0, max(0.0, others)),
    }


def _busy() -> float:
    """Returns the seconds of processor time the machine has spent, stolen ones included."""
    times = psutil.cpu_times()._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # Linux counts a guest's time twice
    return sum(value for name, value in times.items() if name not in idle)


def main() -> int:
    """Predicts or times, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.probe")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("predict", "time"):
        command = commands.add_parser(name)
        command.add_argument("runtime", choices=sorted(RUNTIMES))
        command.add_argument("model")
        command.add_argument("--threads", type=int, required=True)
        if name == "predict":
            command.add_argument("--images", type=Path, required=True)
            command.add_argument("--out", type=Path, required=True)
        else:
            command.add_argument("--invocations", type=int, required=True)
            command.add_argument("--warmup", type=int, required=True)
    choices = parser.parse_args()
    runner = RUNTIMES[choices.runtime](choices.model, choices.threads)
    if choices.command == "predict":
        predict(runner, choices.images, choices.out)
    else:
        answer = measure(runner, invocations=choices.invocations, warmup=choices.warmup)
        json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
