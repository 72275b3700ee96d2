"""Can the ratio of two files' latencies be trusted, or is it marked where it cannot?

Times two copies of one `.tflite` file in one sitting, as a run does: their true ratio is 1. First
on the machine as it is, which should be quiet; then beside a load this script starts itself, which
burns one core after the other in bursts of a few seconds.

    python benchmarks/latency_sitting.py [FILE] --threads 1 2

Targets: quiet, not marked and within 2 % of 1; loaded, within 5 % of 1 or marked. The exit code is
1 where one does not hold. Run it while nothing else uses the cores.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from effq_core.measure.latency import ratio_of
from effq_core.measure.others import QuietCpu
from effq_core.measure.sitting import time_together
from effq_core.results.document import REFERENCE_FOLDER

FILE = REFERENCE_FOLDER / "files" / "float32" / "model.tflite"
QUIET, LOADED = 0.02, 0.05
BURST = (1.0, 6.0)
"""Seconds a burst and the pause after it take."""


def main() -> int:
    """Times the copies quietly and loaded, and says whether the targets hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", default=FILE)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--invocations", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3, help="sittings of each kind")
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet CPU")
    choices = parser.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": choices.file, "copy": Path(folder) / "copy.tflite"}
        files["copy"].write_bytes(choices.file.read_bytes())
        for number in range(choices.repeat):
            held &= sit(files, choices, "quiet", number)
            with load(seed=number):
                held &= sit(files, choices, "loaded", number)
    print("The targets hold." if held else "A TARGET IS MISSED.")
    return 0 if held else 1


def sit(files: dict[str, Path], choices: argparse.Namespace, kind: str, seed: int) -> bool:
    """Times the files once, prints a line a thread count, and says whether the targets hold."""
    wait = QuietCpu(choices.wait if kind == "quiet" else 0).wait
    found = time_together(
        files, "float32", choices.threads, invocations=choices.invocations, seed=seed, pause=wait
    )
    held = True
    for base, own in zip(found["float32"], found["copy"], strict=True):
        ratio, limit = ratio_of(base, own), QUIET if kind == "quiet" else LOADED
        near = abs(ratio.times - 1) <= limit
        ok = near and not ratio.disturbed if kind == "quiet" else near or ratio.disturbed
        others = max(base.others_share, own.others_share)
        marked = "marked" if ratio.disturbed else "not marked"
        print(
            f"{kind:<7} {own.threads} thr.  {ratio.times:.3f} ({ratio.low:.3f} to "
            f"{ratio.high:.3f}, {ratio.rounds} rounds)  {marked}, others "
            f"{others:.0%}  {'ok' if ok else f'MISSED (limit {limit:.0%})'}",
            flush=True,
        )
        held &= ok
    return held


@contextmanager
def load(seed: int) -> Iterator[None]:
    """Burns one or two cores in bursts while the block runs."""
    stop = threading.Event()
    worker = threading.Thread(target=_burn, args=(stop, random.Random(seed)))  # noqa: S311
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _burn(stop: threading.Event, chance: random.Random) -> None:
    while not stop.is_set():
        spinning = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(chance.randint(1, 2))
        ]
        try:
            stop.wait(chance.uniform(*BURST))
        finally:
            for process in spinning:
                process.kill()
                process.wait()
        stop.wait(chance.uniform(*BURST))


if __name__ == "__main__":
    sys.exit(main())
