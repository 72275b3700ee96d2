"""What registers itself, imported first in every process: EffQ's own and ``EFFQ_PLUGINS``."""

import importlib
import os
import sys
from pathlib import Path
from types import TracebackType

from effq_core.base.errors import InputError

SETTING = "EFFQ_PLUGINS"
MISSED = f"What a plug-in made needs that plug-in: name it in {SETTING}."
# By name: they lie in layers above.
_OWN = ("effq_core.quantize.calibrate", "effq_core.quantize.rounding", "effq_core.variants")


def named() -> list[str]:
    """Returns the modules that :data:`SETTING` names."""
    return [name for part in os.environ.get(SETTING, "").split(",") if (name := part.strip())]


def files() -> list[Path]:
    """Returns the files of the plug-ins: of a package the folder's own, others by themselves."""
    return [Path(str(sys.modules[name].__file__)) for name in named()]


def load() -> None:
    """Imports them all, once, or raises InputError where a plug-in cannot be imported."""
    for name in _OWN:
        importlib.import_module(name)
    for name in named():
        try:
            importlib.import_module(name)
        except Exception as error:
            sys.excepthook = _tell
            raise InputError(
                f"The plug-in {name!r} cannot be imported ({type(error).__name__}: {error}).",
                f"{SETTING} names modules, separated by commas; each must be on PYTHONPATH or "
                "installed, and register names of its own.",
            ) from error


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ends a process as the command line, not loaded yet, ends on bad input."""
    if not isinstance(error, InputError):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"{error.message}\n{error.hint}\n")
    raise SystemExit(2)
