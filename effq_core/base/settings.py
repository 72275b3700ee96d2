"""Where things are: the store, the bundled assets, and the environment variables that move them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from effq_core.base.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]  # folder of this package's code
_THREADS = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())

WORKER_ENVIRONMENT = {
    # Else glibc gives large activations back at every step: half of the time of training on a CPU.
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "34359738368"),
    # TF-MOT works with tf_keras only; TensorFlow reads this when it is imported.
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Dask's default is one thread, because it expects many workers.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), _THREADS),
}
"""What the worker's environment must hold before its process starts."""


def process_environment(home: Path) -> dict[str, str]:
    """Returns ours for a process that outlives it, with the store fixed and EffQ importable."""
    environment = dict(os.environ)
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    # Made absolute: the process works in another folder.
    path = [str(PACKAGE.parent), *(str(Path(each).resolve()) for each in given if each)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))
    environment["EFFQ_HOME"] = str(home)
    return environment


STUDIO = PACKAGE / "_studio" if (PACKAGE / "_studio").is_dir() else PACKAGE.parent
"""Where the dashboard and the assets lie: in an installed package, else beside it."""
ASSETS = STUDIO / "assets"  # bundled weights, labels and the reference run
REFERENCE_RUN = ASSETS / "reference_run"  # a whole run of the bundled model, with files


QUIET_SECONDS = 120.0  # a run waits for a quiet processor; see :func:`quiet_seconds`


def quiet_seconds() -> float:
    """Returns ``EFFQ_QUIET_SECONDS`` or its default; 0: no wait. May raise InputError."""
    given = os.environ.get("EFFQ_QUIET_SECONDS", "")
    try:
        seconds = float(given) if given else QUIET_SECONDS
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InputError(
            f"EFFQ_QUIET_SECONDS is {given!r}, which is no number of seconds.",
            "Set it to 0 to time without waiting, or to the longest wait.",
        )
    return seconds


_HOME = "EFFQ_HOME"


def settle_home() -> str:
    """Makes a relative ``EFFQ_HOME`` absolute for all it starts; returns what to tell."""
    given = os.environ.get(_HOME)
    if not given or Path(given).expanduser().is_absolute():
        return ""
    os.environ[_HOME] = root = str(Home.from_environment().root)
    return f"{_HOME} is the relative path {given!r}: the store is {root}."


@dataclass(frozen=True)
class Home:
    """The folders of one store."""

    root: Path  # the store's top folder (``EFFQ_HOME``)

    @classmethod
    def from_environment(cls) -> Home:
        """Returns ``EFFQ_HOME``, or the user's data directory where it is not set."""
        return cls.at(os.environ.get(_HOME) or platformdirs.user_data_dir("effq-studio"))

    @classmethod
    def at(cls, folder: str | Path) -> Home:
        """Returns the store in a folder, which may begin with ``~`` or be relative."""
        return cls(Path(folder).expanduser().resolve())

    @property
    def database(self) -> Path:
        """The SQLite index."""
        return self.root / "effq.sqlite3"

    @property
    def artifacts(self) -> Path:
        """Finished outputs of stages: ``<stage>/<fingerprint>/``."""
        return self.root / "artifacts"

    @property
    def scratch(self) -> Path:
        """Work in progress that a killed stage resumes from: ``<stage>/<fingerprint>/``."""
        return self.root / "scratch"

    @property
    def datasets(self) -> Path:
        """Downloaded datasets."""
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        """Downloaded weights."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """Small files of runs: cancel flags, driver logs."""
        return self.root / "runs"

    @property
    def device_timings(self) -> Path:
        """Latencies measured on other devices: ``<sha256 of the file>/<id>.json``."""
        return self.root / "device_timings"

    @property
    def engine(self) -> Path:
        """Address and credentials of the embedded engine."""
        return self.root / "engine"
