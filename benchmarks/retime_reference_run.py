"""Times the files of the bundled reference run anew, in one sitting, and writes what it finds.

    python benchmarks/retime_reference_run.py [--run RUN_ID]

Of the controls only measurements ship, no files. They are in the store of the run the reference was
made from: give its id, or of any run of the same files. Without them the controls keep the timings
they have, which then say that they were not timed together. Nothing else of the results changes.
Run it while nothing else uses the cores; disturbed timings are not written.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from effq_core.base.hardware import describe, library_versions
from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.latency import LatencyReport, ratio_of
from effq_core.measure.others import QuietCpu
from effq_core.measure.sitting import time_together
from effq_core.results import RESULTS_FILE, Results, load_reference, load_results
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.store.database import Database
from effq_core.store.manifest import hash_file

Timings = dict[str, tuple[LatencyReport, ...]]


def main() -> int:
    """Times the files and writes the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", help="a run whose store has the files of the controls")
    parser.add_argument("--wait", type=float, default=120, help="seconds to wait for a quiet CPU")
    choices = parser.parse_args()
    reference = load_reference()
    files = files_of(reference, choices.run)
    left = [name for name in reference.variants if name not in files]
    found = time_together(
        files,
        BASELINE,
        reference.threads,
        invocations=reference.experiment.benchmark_invocations,
        pause=QuietCpu(choices.wait).wait,
    )
    for name, reports in found.items():
        for base, own in zip(found[BASELINE], reports, strict=True):
            print(f"{name:<20} {own.threads} thr. {own.median_ms:7.2f} ms  "
                  f"{ratio_of(base, own).full_text}")  # fmt: skip
    if any(report.disturbed for reports in found.values() for report in reports):
        print("Other programs were busy: nothing was written. Close them and run it again.")
        return 1
    path = REFERENCE_FOLDER / RESULTS_FILE
    plain = json.loads(path.read_text(encoding="utf-8"))
    write(plain, found)
    path.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}" + (f"; without files, as before: {', '.join(left)}" if left else ""))
    return 0


def files_of(reference: Results, run: str | None) -> dict[str, Path]:
    """Returns the files that are there: those that ship, and those a run has."""
    files = {name: reference.model_file(name) for name in reference.with_files}
    if run is None:
        return files
    home = Home.from_environment()
    other = load_results(home, Database(home.database).get_run(run))
    for name, variant in reference.variants.items():
        if name in files or name not in other.with_files:
            continue
        path = other.model_file(name)
        if hash_file(path) != variant.file.sha256:
            raise SystemExit(f"{name} of the run {run} is not the file that was measured")
        files[name] = path
    return files


def write(plain: dict[str, Any], found: Timings) -> None:
    """Puts timings into a results document, with the machine they were taken on.

    Args:
        plain: The document.
        found: Timings by variant.
    """
    for name, reports in found.items():
        plain["variants"][name]["latency"] = [report.to_dict() for report in reports]
    plain["hardware"] = describe().to_dict()
    plain["versions"] |= {
        name: version
        for name, version in library_versions().items()
        if name in ("ai-edge-litert", "numpy")
    }
    titles = [get_variant(name).title for name in found]
    plain["warnings"] = [
        each
        for each in plain["warnings"]
        if "during the measurement" not in each or not each.startswith(tuple(titles))
    ]


if __name__ == "__main__":
    sys.exit(main())
