"""LiteRT, formerly TensorFlow Lite: runs ``.tflite`` files. Imported when a file is opened."""

from pathlib import Path

from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.registry import RUNTIMES
from effq_core.runtimes.session import Kernels, Runtime, Session


class LiteRt(Runtime):
    """See :class:`~effq_core.runtimes.session.Runtime`."""

    name = "litert"
    title = "LiteRT"
    fast_kernels = "XNNPACK"
    suffix = ".tflite"
    packages = ("ai-edge-litert", "numpy")

    def start(self) -> None:
        """Imports LiteRT."""
        import effq_core.runtimes.litert.session  # noqa: F401 - a worker plans without it

    def open(
        self,
        path: Path,
        *,
        threads: int = 1,
        kernels: Kernels = Kernels.USUAL,
        keep_values: bool = False,
    ) -> Session:
        """Loads a file."""
        from effq_core.runtimes.litert.session import LiteRtSession

        return LiteRtSession(path, threads=threads, kernels=kernels, keep_values=keep_values)

    def inspect(self, path: Path) -> FileReport:
        """Reads what a file consists of, and what XNNPACK takes of it on this processor."""
        from effq_core.runtimes.litert.inspect import inspect_file

        return inspect_file(path)


RUNTIMES.register(LiteRt())
