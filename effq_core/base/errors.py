"""Every error a user of EffQ can meet: what happened, to which input, and what to do next."""


class EffqError(Exception):
    """What happened, naming the file or value concerned, and what to do next, if anything."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(EffqError):
    """Something the user gave cannot be used."""


class ExperimentError(InputError):
    """A choice of the experiment is out of range or does not fit the other choices."""


class DatasetError(InputError):
    """Photos cannot be used: folder missing, too few images, one class, overlapping samples."""


class ModelError(InputError):
    """A model or its weights cannot be used: missing, wrong shape, wrong hash, unsupported."""


class UnloadableError(ModelError):
    """A runtime cannot load a model file: it is corrupt or has operators unknown to it."""


class DownloadError(EffqError):
    """A download failed or delivered something else than expected."""


class StoreError(EffqError):
    """The store under ``EFFQ_HOME`` cannot be read or written."""


class DamagedIndexError(StoreError):
    """The database of runs is damaged: ``effq doctor --repair`` makes it again."""


class EngineError(EffqError):
    """The Dask engine cannot be started or reached, or lost its worker."""


class StageError(EffqError):
    """A stage of a run failed for a reason that is not the user's input."""


class BusyError(EffqError):
    """The server has enough to do for others: nothing is wrong, and later it will have room."""


class Cancelled(EffqError):  # noqa: N818 - an outcome the user asked for, not a fault
    """The user asked the run to stop."""
