"""How much faster are int8 and int8_qat than float32, and how far apart are they?

Takes an exported run (`effq export`) and times the three files in one sitting, as a run does: in
turn, round by round, in changing order, so that a machine that changes its speed between rounds
does not change the ratio.

    python benchmarks/variant_latency.py EXPORTED_RUN --rounds 5
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from effq_core.measure.latency import ratio_of
from effq_core.measure.others import QuietCpu
from effq_core.measure.sitting import time_together

NAMES = ("float32", "int8", "int8_qat")


def main() -> int:
    """Measures and prints the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder with the variants' .tflite files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for a quiet CPU")
    choices = parser.parse_args()
    files = {name: next(choices.folder.rglob(f"{name}.tflite"), None) for name in NAMES}
    there = {name: path for name, path in files.items() if path is not None}
    if missing := [name for name in NAMES if name not in there]:
        parser.error(f"no {', '.join(missing)} file in {choices.folder}")
    found = time_together(
        there,
        "float32",
        [choices.threads],
        rounds=choices.rounds,
        invocations=100 * choices.rounds,
        pause=QuietCpu(choices.wait).wait,
    )
    for name, (report,) in found.items():
        print(f"{name} {report.median_ms:.2f} ms {report.warning}".rstrip())
    for name, other in (("float32", "int8"), ("float32", "int8_qat"), ("int8_qat", "int8")):
        print(f"{name} / {other}: {ratio_of(found[name][0], found[other][0]).full_text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
