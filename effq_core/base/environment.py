"""The environment of a process of EffQ's own."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # folder of this package's code

_THREADS = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())

WORKER_ENVIRONMENT = {
    # Without these glibc returns large activations to the system and asks for them again at every
    # step, which is half of the time of training on a CPU.
    "MALLOC_MMAP_THRESHOLD_": "34359738368",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
    # TF-MOT works with tf_keras only; TensorFlow reads this when it is imported.
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Dask's default is one thread, because it expects many workers.
    "OMP_NUM_THREADS": _THREADS,
    "MKL_NUM_THREADS": _THREADS,
    "OPENBLAS_NUM_THREADS": _THREADS,
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
