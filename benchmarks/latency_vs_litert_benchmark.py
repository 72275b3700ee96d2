"""Does EffQ's latency harness agree with ``litert-benchmark``, the tool LiteRT itself ships?

Both time the same file at the same thread count, in fresh processes, in alternating order (A B,
B A, …), so that a machine that slows down slows both. Per file and thread count the ratio of the
medians over all pairs is printed; the exit code is 1 if one is off by more than 5 %. A pair during
which other processes used the cores is measured again.

Run it while nothing else uses the cores:

    python benchmarks/latency_vs_litert_benchmark.py FOLDER_OF_TFLITE_FILES
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from effq_core.measure.latency import summarize
from effq_core.measure.others import BUSY_SHARE
from effq_core.measure.sitting import probe

TOLERANCE = 0.05


def litert_benchmark(path: Path, threads: int, invocations: int, warmup: int) -> float:
    """Returns the median in ms ``litert-benchmark`` reports."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"),
                *(f"--model={path}", f"--num_threads={threads}", f"--num_runs={invocations}"),
                *(f"--warmup_runs={warmup}", f"--result_json={result}"),
            ],
            check=True,
            capture_output=True,
        )
        return float(json.loads(result.read_text())["latency"]["median_ms"])


def wait_until_idle(seconds: float) -> None:
    """Waits until the cores have been free for a second, at most so long."""
    deadline = time.monotonic() + seconds
    while psutil.cpu_percent(interval=1.0) > 100 * BUSY_SHARE and time.monotonic() < deadline:
        pass


def compare(path: Path, threads: int, choices: argparse.Namespace) -> bool:
    """Prints one row and returns whether the two agree."""
    settings = {"invocations": choices.invocations, "warmup": choices.warmup}
    ours: list[float] = []
    theirs: list[float] = []
    discarded = 0
    while len(ours) < choices.pairs:
        wait_until_idle(choices.wait)
        first = len(ours) % 2 == 0
        median = 0.0 if first else litert_benchmark(path, threads, **settings)
        (found,) = probe(path, [threads], **settings)
        report = summarize({1: found}, warmup=settings["warmup"])
        median = litert_benchmark(path, threads, **settings) if first else median
        if report.warning and discarded < 3 * choices.pairs:
            discarded += 1  # someone else used the cores: the pair says nothing about the tools
            continue
        ours.append(report.median_ms)
        theirs.append(median)
    a, b = statistics.median(ours), statistics.median(theirs)
    agrees = abs(a / b - 1) <= TOLERANCE
    verdict = "within 5 %" if agrees else "OFF BY MORE THAN 5 %"
    busy = f"  ({discarded} pairs discarded: machine busy)" if discarded else ""
    print(
        f"{path.stem:<22}{threads:>8}{a:>12.2f}{b:>20.2f}{a / b:>8.3f}  {verdict}{busy}", flush=True
    )
    return agrees


def main() -> int:
    """Compares every file at every thread count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, help="a folder of .tflite files")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--invocations", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for idle cores")
    choices = parser.parse_args()
    paths = sorted(choices.models.glob("*.tflite"))
    if not paths:
        parser.error(f"{choices.models} holds no .tflite file")
    print(f"{'file':<22}{'threads':>8}{'EffQ ms':>12}{'litert-benchmark ms':>20}{'ratio':>8}")
    agree = [compare(path, threads, choices) for path in paths for threads in choices.threads]
    print(f"{sum(agree)} of {len(agree)} medians agree within 5 %")
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
