"""All stages by id: each registers beside its function, and is looked up here."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from effq_core.base.errors import StageError
from effq_core.experiment.variants import CATALOGUE, get_variant, is_ready
from effq_core.runtimes.registry import RUNTIMES

# Packages whose version a stage's result depends on.
TENSORFLOW = ("tensorflow", "tf_keras", "numpy")
QAT = (*TENSORFLOW, "tensorflow-model-optimization")
IMAGES = ("pillow", "scikit-image", "numpy")
LITERT = RUNTIMES["litert"].packages
STATISTICS = (*LITERT, "scipy")

_BUILT_IN = "effq_core.pipeline.stages"
_PART = re.compile(r"(.+):(\d+)of(\d+)")  # one of the parts a long evaluation is divided into
_MEMBER = re.compile(r"(.+)@(\d+)")  # a stage only some of a sweep's runs share, first this one

StageFunction = Callable[..., dict[str, Any] | None]  # of a StageContext; what it has to tell
_Function = TypeVar("_Function", bound=StageFunction)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A kind of work. Pickles without its code."""

    id: str  # stable: part of the fingerprint of every result, wherever the function lives
    kind: str  # folder of its artifacts; several stages may make one kind
    title: str
    version: int  # raised when the same inputs give another result
    libraries: tuple[str, ...]
    module: str  # where the function lives, for a worker to import

    def function(self) -> StageFunction:
        """Imports the stage's module and returns its function."""
        try:
            importlib.import_module(self.module)
            return _FUNCTIONS[self.id]
        except (ImportError, KeyError) as error:
            message = f"The stage {self.id} cannot be loaded from {self.module} ({error})."
            hint = "Reinstall EffQ; `effq doctor` shows which libraries are missing."
            raise StageError(message, hint) from error


_STAGES: dict[str, Stage] = {}
_FUNCTIONS: dict[str, StageFunction] = {}


def stage(
    stage_id: str, *, title: str, version: int = 1, libraries: tuple[str, ...] = (), kind: str = ""
) -> Callable[[_Function], _Function]:
    """Registers a stage of a cheap module under an id that never changes; kind: its artifacts'."""

    def register(function: _Function) -> _Function:
        made = Stage(
            id=stage_id,
            kind=kind or stage_id.rpartition(":")[2],
            title=title,
            version=version,
            libraries=libraries,
            module=function.__module__,
        )
        other = _FUNCTIONS.get(stage_id, function)
        if (other.__module__, other.__name__) != (function.__module__, function.__name__):
            raise StageError(f"{other.__module__} and {made.module} both have a stage {stage_id}.")
        if (called := _kind_title(made.kind) or title) != title:
            raise StageError(f"Stages of kind {made.kind} are called {called!r}, not {title!r}.")
        _STAGES[stage_id], _FUNCTIONS[stage_id] = made, function
        return function

    return register


def get_stage(stage_id: str) -> Stage:
    """Looks a stage up."""
    importlib.import_module(_BUILT_IN)
    if stage_id not in _STAGES:
        raise StageError(f"There is no stage {stage_id!r}: there are {', '.join(sorted(_STAGES))}.")
    return _STAGES[stage_id]


def stage_title(name: str) -> str:
    """Names a stage of a plan: ``convert:int8`` is ``Convert: int8``."""
    importlib.import_module(_BUILT_IN)
    kind, _, about = name.partition(":")
    title = _kind_title(kind)
    if not title:
        return name
    if part := _PART.fullmatch(name):
        return f"{stage_title(part[1])}, part {part[2]} of {part[3]}"
    if own := _MEMBER.fullmatch(name):
        return f"{stage_title(own[1])}, run {own[2]}"
    if about in CATALOGUE or is_ready(about):
        about = get_variant(about).title
    for variant in CATALOGUE.values():
        about = variant.steps.get(about, about)
    return f"{title}: {about}" if about else title


def _kind_title(kind: str) -> str:
    return next((each.title for each in _STAGES.values() if each.kind == kind), "")
