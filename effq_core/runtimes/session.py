"""What a runtime has to be able to do: open a file, run it on one image, say what is inside."""

import time
from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from effq_core.models.file_input import TensorSpec
from effq_core.runtimes.file_report import FileReport

Values = npt.NDArray[Any]


class Kernels(StrEnum):
    """What computes a file's operators."""

    USUAL = "usual"  # what a user's program would run on
    PLAIN = "plain"  # takes no operators together: every value inside of the graph is there
    REFERENCE = "reference"  # slow and simple, only good for checking the others


class Session(ABC):
    """A file that is ready to run, one image at a time. Serves one thread."""

    inputs: tuple[TensorSpec, ...]  # of the main graph
    outputs: tuple[TensorSpec, ...]  # likewise

    @abstractmethod
    def feed(self, values: Values) -> None:
        """Sets the one input, in its own shape and type."""

    @abstractmethod
    def invoke(self) -> None:
        """Runs the file once."""

    @abstractmethod
    def answer(self) -> Values:
        """Returns the one output of the last invocation, as the file gives it."""

    @abstractmethod
    def value(self, tensor: int) -> Values:
        """Returns a copy of what a tensor of the file holds, by its number."""

    @abstractmethod
    def multiplications(self) -> int:
        """Counts the multiplications with weights that one image takes."""

    def time(self, invocations: int) -> list[float]:
        """Runs the file several times; returns the milliseconds of each invocation."""
        found = []
        for _ in range(invocations):
            begin = time.perf_counter_ns()
            self.invoke()
            found.append((time.perf_counter_ns() - begin) / 1e6)
        return found


class Runtime(Protocol):
    """Something that runs model files: what its folder registers."""

    name: str
    title: str  # for people
    fast_kernels: str  # what they are called; their share of a file's operators is shown
    suffix: str  # how names of its files end, with the dot
    packages: tuple[str, ...]  # whose versions its results depend on; the first is its own

    def start(self) -> None:
        """Imports what it needs, so that the timing of a file does not contain that."""

    def open(
        self,
        path: Path,
        *,
        threads: int = 1,
        kernels: Kernels = Kernels.USUAL,
        keep_values: bool = False,
    ) -> Session:
        """Loads a file; ``ModelError`` if it is corrupt, or an operator has no such kernel.

        Where values inside the graph are kept, fast kernels may take each operator by itself.
        """

    def inspect(self, path: Path) -> FileReport:
        """Reads what a file consists of."""
