"""Runs one tool in this interpreter: `python -m benchmarks.peers.run_tool TOOL JOB OUT`.

A tool that refuses the model is a result, not an accident: its own words go into the table.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from benchmarks.peers.job import Entry, Job


def main() -> int:
    """Makes the tool's entries and writes them as ``OUT/entries.json``."""
    tool, job_file, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    module = importlib.import_module(f"benchmarks.peers.tools.{tool}")
    out.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    entries: list[Entry] = []
    try:
        for entry in module.make(Job.load(job_file), out):
            seconds = time.perf_counter() - begin
            entries.append(replace(entry, seconds=seconds))
            begin = time.perf_counter()
    except Exception as error:  # noqa: BLE001 - whatever a tool may throw is its answer
        traceback.print_exc()
        words = f"{type(error).__name__}: {error}"
        entries.append(Entry(id=tool, tool=module.TITLE, settings=module.SETTINGS, error=words))
    plain = {
        "entries": [entry.to_dict() for entry in entries],
        "versions": {name: metadata.version(name) for name in module.PACKAGES},
    }
    draft = out / "entries.draft"
    draft.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    draft.replace(out / "entries.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
