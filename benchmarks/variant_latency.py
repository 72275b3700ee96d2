"""How much faster are int8 and int8_qat than float32, and how far apart are they?

Takes an exported run (`effq export`), measures the three files in turn, several rounds, one thread
each, and prints ratios of medians within rounds, so that a machine that changes its speed between
rounds does not change the ratio.

    python benchmarks/variant_latency.py EXPORTED_RUN --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from effq_core.measure.latency import measure_latency

NAMES = ("float32", "int8", "int8_qat")


def main() -> int:
    """Measures and prints the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder with the variants' .tflite files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    choices = parser.parse_args()
    files = {name: next(choices.folder.rglob(f"{name}.tflite"), None) for name in NAMES}
    missing = [name for name, path in files.items() if path is None]
    if missing:
        parser.error(f"no {', '.join(missing)} file in {choices.folder}")
    rounds: list[dict[str, float]] = []
    for _ in range(choices.rounds):
        medians = {}
        for name, path in files.items():
            report = measure_latency(str(path), choices.threads)
            medians[name] = report.median_ms
            if report.warning:
                print(f"{name}: {report.warning}")
        rounds.append(medians)
        print("  ".join(f"{name} {value:.2f} ms" for name, value in medians.items()), flush=True)
    for name, other in (("float32", "int8"), ("float32", "int8_qat"), ("int8_qat", "int8")):
        ratios = [medians[name] / medians[other] for medians in rounds]
        middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
        print(f"{name} / {other}: {middle:.3f} (rounds {low:.3f} to {high:.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
