"""EffQ's core: quantize image classifiers and measure honestly what each variant gains and loses.

Nothing in this package imports a user interface. TensorFlow is imported only inside the functions
that need it, which run in worker processes; everything else works without it.

What :data:`__all__` names is for notebooks and scripts (``docs/guide/python.md``) and is imported
when it is first used; ``__init__.pyi`` has its types. Everything else may change.
"""

from importlib import import_module
from typing import Any

from effq_core.base import plugins as _plugins

__version__ = "0.1.0"

_PUBLIC = {
    "Calibration": "effq_core.experiment:Calibration",
    "Experiment": "effq_core.experiment:Experiment",
    "Fitted": "effq_core.experiment.fitted:Fitted",
    "Layers": "effq_core.experiment.mixed:Layers",
    "LowBits": "effq_core.experiment.low_bits:LowBits",
    "Mixed": "effq_core.experiment.mixed:Mixed",
    "Progress": "effq_core.api.progress:Progress",
    "Qat": "effq_core.experiment:Qat",
    "Run": "effq_core.api.runs:Run",
    "datasets": "effq_core.api.datasets",
    "errors": "effq_core.base.errors",
    "models": "effq_core.models",
    "open_run": "effq_core.api.runs:open_run",
    "run": "effq_core.api.running:run",
    # The package effq_core.models is below what these need; it asks for them here.
    "models.add": "effq_core.api.models:add",
    "models.available": "effq_core.api.models:available",
    "models.download": "effq_core.api.models:download",
    "models.remove": "effq_core.api.models:remove",
}
"""``module:attribute`` of each public name, or a module."""

__all__ = [*(name for name in _PUBLIC if "." not in name)]


def public(name: str) -> Any:
    """Finds a public name, such as ``run`` or ``models.add``; AttributeError if there is none."""
    if name not in _PUBLIC:
        raise AttributeError(f"effq_core has no {name!r}. It has: {', '.join(_PUBLIC)}.")
    module, _, attribute = _PUBLIC[name].partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __getattr__(name: str) -> Any:
    return public(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


_plugins.load()
