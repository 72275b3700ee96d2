"""Stages and plans: what has to be done, in which order, and how each result is named."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from effq_core.base.errors import StageError
from effq_core.pipeline.registry import Stage, get_stage
from effq_core.store.manifest import library_versions

SHARD_FROM = 1000  # evaluation images from which on parts pay off
_EVALUATE = "measure:evaluate"

LAST = "report"  # name of the stage every plan ends with; its artifact is the run's results
BENCHMARK = "benchmark"  # name of the stage that times all files

_FUNCTIONS = "effq_core.pipeline.stages."  # part of every fingerprint since stages have ids


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One step with declared inputs."""

    name: str  # unique within the plan, such as ``convert:int8``
    stage: Stage
    params: dict[str, Any] = field(default_factory=dict)
    # Name of another stage, by the name this one knows it under.
    inputs: dict[str, str] = field(default_factory=dict)
    exclusive: bool = False  # whether it needs the host's cores for itself, as a benchmark does
    weight: float = 1.0  # estimated seconds, for the time left
    # Packages the result depends on beside the stage's own, with these parameters.
    extra_libraries: tuple[str, ...] = ()
    # Stages that do its work in pieces: same bytes, so they are no part of its fingerprint.
    parts: tuple[str, ...] = ()
    # Fingerprint of an earlier run's artifact that is taken over in place of any work.
    pinned: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the stages that come before it."""
        return (*self.inputs.values(), *self.parts)

    @property
    def kind(self) -> str:
        """Folder of its artifacts, such as ``convert``."""
        return self.stage.kind

    @property
    def libraries(self) -> tuple[str, ...]:
        """Packages whose version the result depends on."""
        return (*self.stage.libraries, *self.extra_libraries)


class Plan:
    """Stages, each after its inputs; StageError if a name repeats, or an input is missing."""

    def __init__(self, stages: Iterable[StageSpec]) -> None:
        given = list(stages)
        self._by_name = {spec.name: spec for spec in given}
        if len(self._by_name) != len(given):
            names = [spec.name for spec in given]
            repeated = sorted({name for name in names if names.count(name) > 1})
            raise StageError(f"The plan has several stages named {', '.join(repeated)}.")
        for spec in given:
            missing = sorted(set(spec.needs) - set(self._by_name))
            if missing:
                message = f"The stage {spec.name} needs {', '.join(missing)}: no such stage."
                raise StageError(message)
        self.stages = tuple(self._ordered(given))

    @staticmethod
    def _ordered(given: list[StageSpec]) -> Iterator[StageSpec]:
        waiting, placed = list(given), set[str]()
        while waiting:
            ready = next((spec for spec in waiting if placed.issuperset(spec.needs)), None)
            if ready is None:
                message = f"Stages wait for each other: {', '.join(spec.name for spec in waiting)}."
                raise StageError(message)
            waiting.remove(ready)
            placed.add(ready.name)
            yield ready

    def __iter__(self) -> Iterator[StageSpec]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, name: str) -> StageSpec:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def canonical_json(value: Any) -> str:
    """Returns the one JSON text equal values share."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StageError(f"A stage's parameters are not JSON values ({error}).") from error


def plain(value: Any) -> Any:
    """Returns JSON values in place of NumPy scalars, paths, tuples and enums."""
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    for method in ("tolist", "item"):  # NumPy arrays and scalars, without importing NumPy
        if hasattr(value, method):
            return getattr(value, method)()
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def fingerprints(plan: Plan) -> dict[str, str]:
    """Names each stage's result by everything it depends on, in 64 hexadecimal digits."""
    found: dict[str, str] = {}
    for spec in plan:
        if spec.pinned:
            found[spec.name] = spec.pinned
            continue
        text = canonical_json(
            {
                "kind": spec.kind,
                "function": f"{_FUNCTIONS}{spec.stage.id}",
                "version": spec.stage.version,
                "params": spec.params,
                "inputs": {name: found[source] for name, source in spec.inputs.items()},
                "libraries": {
                    name: version
                    for name, version in library_versions(spec.libraries).items()
                    if name in spec.libraries
                },
            }
        )
        found[spec.name] = hashlib.sha256(text.encode()).hexdigest()
    return found


@dataclass(frozen=True, kw_only=True)
class StageTask:
    """What a worker is told: a stage of one run, ready to go. Pickles without its code."""

    run_id: str
    spec: StageSpec
    fingerprint: str
    inputs: dict[str, tuple[str, str]]  # kind and fingerprint of each input artifact
    home: str  # ``EFFQ_HOME``, which the worker must see at the same path
    topic: str
    attempt: int = 1  # counts tries from 1
    # Kind and fingerprint of each piece of its work that others have done.
    parts: tuple[tuple[str, str], ...] = ()
    # Host, number and token of the process that waits for the result.
    driver: tuple[str, int, str] | None = None

    @property
    def key(self) -> str:
        """Name of the task in Dask: by fingerprint, and never the same twice."""
        return f"{self.spec.name}-{self.fingerprint[:16]}-{self.topic[-8:]}-{self.attempt}"


class StageList:
    """Stages in the order in which they were thought of."""

    def __init__(self) -> None:
        self.stages: list[StageSpec] = []

    def add(self, name: str, stage_id: str, **fields: Any) -> None:
        """Adds a stage, unless it is there; ``fields`` are those of :class:`StageSpec`."""
        params = json.loads(json.dumps(fields.pop("params", {})))
        spec = StageSpec(name=name, stage=get_stage(stage_id), params=params, **fields)
        if spec not in self.stages:  # what several variants need is made once
            self.stages.append(spec)


def in_parts(plan: Plan, finished: set[str], workers: int) -> Plan:
    """Divides a plan's long evaluations among workers; fingerprints and artifacts stay the same."""
    if workers < 2:
        return plan
    stages: list[StageSpec] = []
    for spec in plan:
        if spec.stage.id == _EVALUATE and spec.name not in finished and _is_large(plan, spec):
            made = [_part(spec, number, workers) for number in range(workers)]
            stages += made
            spec = dataclasses.replace(spec, parts=tuple(part.name for part in made), weight=1.0)
        stages.append(spec)
    return Plan(stages) if len(stages) > len(plan) else plan


def _is_large(plan: Plan, spec: StageSpec) -> bool:
    size = plan[spec.inputs["evaluation"]].params["sizes"]["evaluation"]
    return size is None or size >= SHARD_FROM  # all there are may be many


def _part(spec: StageSpec, number: int, parts: int) -> StageSpec:
    return StageSpec(
        name=f"{spec.name}:{number + 1}of{parts}",
        stage=get_stage(f"{_EVALUATE}_part"),
        params={"part": number, "parts": parts},
        inputs=dict(spec.inputs),
        extra_libraries=spec.extra_libraries,
        weight=spec.weight / parts,
    )
