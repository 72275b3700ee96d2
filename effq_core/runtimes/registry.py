"""The runtimes there are, and which of them a file is for."""

from pathlib import Path

from effq_core.base.errors import ExperimentError, ModelError
from effq_core.base.registry import Registry
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.session import Kernels, Runtime, Session
from effq_core.store.manifest import MODEL_FILE

RUNTIMES: Registry[Runtime] = Registry("runtime")


def runtime_of(path: Path) -> Runtime:
    """Returns what runs a file, by the end of its name: the runtime registered first for it."""
    for runtime in RUNTIMES.values():
        if runtime.suffix == path.suffix:
            return runtime
    known = ", ".join(f"{each.title} ({each.suffix})" for each in RUNTIMES.values())
    raise ModelError(f"No runtime runs the file {path.name}.", f"There are: {known}.")


def model_in(folder: Path) -> Path:
    """Returns the model file of an artifact, whatever runtime it is for."""
    for runtime in RUNTIMES.values():
        path = (folder / MODEL_FILE).with_suffix(runtime.suffix)
        if path.is_file():
            return path
    raise ModelError(f"There is no model file in {folder}.", "Convert the variant first.")


def packages() -> tuple[str, ...]:
    """Returns the distributions that runtimes depend on."""
    return tuple(name for runtime in RUNTIMES.values() for name in runtime.packages)


def open_session(
    path: Path, *, threads: int = 1, kernels: Kernels = Kernels.USUAL, keep_values: bool = False
) -> Session:
    """Loads a file with its runtime: :meth:`Runtime.open`; ``ExperimentError`` without threads."""
    if threads < 1:
        raise ExperimentError(f"The number of threads is {threads}.", "Choose 1 or more.")
    return runtime_of(_there(path)).open(
        path, threads=threads, kernels=kernels, keep_values=keep_values
    )


def inspect_file(path: Path) -> FileReport:
    """Reads what a file consists of, with the runtime it is for."""
    return runtime_of(_there(path)).inspect(path)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"There is no file {path.name}.", "Convert the variant first.")
    return path
