"""An external Dask cluster on loopback, started by the ``dask`` command as by hand."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]

from effq_core.pipeline import engine_files


class DaskCluster:
    """One ``dask scheduler`` and some ``dask worker`` processes of one thread each.

    Args:
        folder: Where logs and the workers' own files go.
        home: ``EFFQ_HOME`` of the runs; the workers are given EffQ's environment for it.
        workers: How many.
    """

    def __init__(self, folder: Path, home: Path, workers: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.log = folder / "cluster.log"
        self._folder = folder
        self._environment = engine_files.engine_environment(home)
        self._scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"
        )
        self.workers = {
            f"w{n}": self._start(
                *("worker", self.address, "--nthreads", "1", "--no-dashboard"),
                *("--name", f"w{n}", "--memory-limit", "0"),
                *("--local-directory", str(folder / f"w{n}")),
            )
            for n in range(workers)
        }
        from distributed import Client

        try:
            self.client = Client(self.address, timeout=60, set_as_default=False)
            self.client.wait_for_workers(workers, timeout=120)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self._end()

    def kill_who_works_on(self, kind: str) -> int:
        """Ends the process that has a task of a kind; its nanny stays, and starts another.

        Args:
            kind: Kind of stage.

        Returns:
            The process that was ended; 0 where none has such a task now.
        """
        for address, keys in self.client.processing().items():
            if any(str(key).startswith(kind) for key in keys):
                name = self.client.scheduler_info(n_workers=-1)["workers"][address]["name"]
                for child in psutil.Process(self.workers[name].pid).children():
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.send_signal(signal.SIGKILL)
                        return int(child.pid)
        return 0

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name("dask")), *arguments],
                env=self._environment,
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )

    def _end(self) -> None:
        processes = (*self.workers.values(), self._scheduler)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
