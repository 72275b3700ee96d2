"""How long does the built-in experiment take on a fresh store, and a repeat of it?

Runs `effq run --preset demo` twice in an empty EFFQ_HOME and watches the memory of the engine's
worker meanwhile.

    python benchmarks/default_experiment.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from effq_core.base.settings import Home
from effq_core.pipeline import engine


def watch(home: Path, peak: dict[str, int], stop: threading.Event) -> None:
    """Keeps the largest memory of any process of the store.

    Pages of memory-mapped photos are the system's to take back; they are counted apart.
    """
    while not stop.wait(0.5):
        for process in psutil.process_iter(["environ", "memory_info"]):
            environment, memory = process.info["environ"], process.info["memory_info"]
            if environment and memory and environment.get("EFFQ_HOME") == str(home):
                peak["resident"] = max(peak["resident"], memory.rss)
                peak["own"] = max(peak["own"], memory.rss - memory.shared)


def main() -> int:
    """Runs the experiment twice and prints the times."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        environment = {**os.environ, "EFFQ_HOME": name}
        command = [sys.executable, "-m", "effq_core", "run", "--preset", "demo", "--quiet"]
        peak, stop = {"resident": 0, "own": 0}, threading.Event()
        watcher = threading.Thread(target=watch, args=(home, peak, stop))
        watcher.start()
        try:
            for label in ("first", "repeat"):
                start = time.perf_counter()
                done = subprocess.run(command, env=environment, check=False)
                print(f"{label}: {time.perf_counter() - start:.1f} s, exit code {done.returncode}")
        finally:
            stop.set()
            watcher.join()
            engine.stop(Home(home))
        gib = {what: size / 2**30 for what, size in peak.items()}
        print(
            f"largest process: {gib['resident']:.2f} GiB resident, "
            f"{gib['own']:.2f} GiB without pages of files"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
