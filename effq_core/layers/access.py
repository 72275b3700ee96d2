"""From a run's results to what is known about its layers, whichever run has found it out."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.fitted import Fitted
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import BASELINE, FITTED, MIXED, PTQ, get_variant
from effq_core.results.access import artifact_at, of_kind, sources, statistics_of
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.manifest import Artifact

_ABOUT_LAYERS = ("fitted", "layers", "mixed", "variants")

SIGNAL, EFFECT, SUGGEST = "signal", "effect", "suggest"
REFERENCE_LAYERS = REFERENCE_FOLDER / "layers"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was found out about the layers of one float32 file and its int8 file."""

    signal: Path | None = None  # folder of every tensor's values against float32's
    effect: Path | None = None  # folder of what each block costs by itself
    # Folders of searches for blocks to keep in floats, newest first.
    suggestions: tuple[Path, ...] = ()
    # How the effect was measured: who asks the same again gets it from the store.
    asked: Layers | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known that the page could draw."""
        return self.signal is None and self.effect is None


def find_evidence(results: Results) -> Evidence | None:
    """Finds what any run has found out about the layers of a run's files; StoreError if unreadable.

    Of several looks, one that came to its end, at the run's own photos, at most of them, then the
    newest; searches are those on the run's own photos. ``None``: nothing is known, or no int8.
    """
    if PTQ not in results.variants:
        return None
    if results.folder is None or results.folder == REFERENCE_FOLDER:
        return _of_reference()
    store = ArtifactStore(Home(results.folder.parent))
    float32, int8 = results.variants[BASELINE].artifact, results.variants[PTQ].artifact
    pair = {"float32": float32, "int8": int8}
    ranges = {"float32": float32, "statistics": statistics_of(store, results)}
    calibration = results.experiment.calibration
    recipe = {"method": calibration.method, "percentile": calibration.percentile}
    effects = [e for e in _matching(store, EFFECT, ranges) if recipe.items() <= _params(e).items()]
    answers = results.variants[BASELINE].predictions
    photos = sources(artifact_at(store, answers)).get("evaluation")
    signal, effect = _best(_matching(store, SIGNAL, pair), photos), _best(effects)
    # What was chosen on other photos holds a limit there, not here.
    searched = _matching(store, SUGGEST, {**pair, "float32_answers": answers})
    searched.sort(key=lambda each: each.created, reverse=True)
    found = Evidence(
        signal=signal.path if signal else None,
        effect=effect.path if effect else None,
        asked=_asked(effect or signal),
        suggestions=tuple(each.path for each in searched),
    )
    return None if found.is_empty else found


def is_same_model(first: Results, second: Results) -> bool:
    """Tells whether two runs share float32 and int8 files, and so what is known of layers."""
    return all(
        name in first.variants
        and name in second.variants
        and first.variants[name].artifact == second.variants[name].artifact
        for name in (BASELINE, PTQ)
    )


def _of_reference() -> Evidence | None:
    found = Evidence(
        signal=_folder(REFERENCE_LAYERS / SIGNAL),
        effect=_folder(REFERENCE_LAYERS / EFFECT),
        suggestions=(suggest,) if (suggest := _folder(REFERENCE_LAYERS / SUGGEST)) else (),
    )
    return None if found.is_empty else found


def _folder(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _matching(store: ArtifactStore, kind: str, wanted: Mapping[str, str | None]) -> list[Artifact]:
    return [each for each in of_kind(store, kind) if wanted.items() <= sources(each).items()]


def _params(artifact: Artifact) -> dict[str, Any]:
    params: dict[str, Any] = artifact.inputs.get("params", {})
    return params


def _best(artifacts: list[Artifact], photos: str | None = None) -> Artifact | None:
    def telling(artifact: Artifact) -> tuple[bool, bool, int, float]:
        found = artifact.summary
        return (
            bool(found.get("complete", True)),
            photos is not None and sources(artifact).get("evaluation") == photos,
            int(found.get("images", 0)),
            artifact.created,
        )

    return max(artifacts, key=telling, default=None)


def _asked(artifact: Artifact | None) -> Layers | None:
    params = _params(artifact) if artifact else {}
    known = {field.name: params[field.name] for field in fields(Layers) if field.name in params}
    return Layers(**known) if known else None


def looking(experiment: Experiment, layers: Layers) -> Experiment:
    """Returns the same experiment, which looks into the layers too; all else is cached."""
    return replace(experiment, layers=layers)


def mixing(experiment: Experiment, mixed: Mixed, layers: Layers | None) -> Experiment:
    """Returns the same experiment with the variant ``int8_mixed``."""
    variants = (*experiment.variants, MIXED)
    return replace(experiment, variants=variants, mixed=mixed, layers=layers or experiment.layers)


def fitting(experiment: Experiment, fitted: Fitted) -> Experiment:
    """Returns the same experiment with the variant ``fitted``; all else is cached.

    What is made from another ``fitted`` file is left out: it would be made again.
    """
    others = (name for name in experiment.variants if FITTED not in get_variant(name).needs)
    return replace(experiment, variants=(*others, FITTED), fitted=fitted)


def is_about(other: Experiment, experiment: Experiment) -> bool:
    """Tells whether one asks about the layers of what another makes, and differs in no more."""
    if other.layers is None and other.mixed is None and other.fitted is None:
        return False
    return _model(other) == _model(experiment)


def _model(experiment: Experiment) -> dict[str, object]:
    plain = experiment.to_dict()
    return {name: value for name, value in plain.items() if name not in _ABOUT_LAYERS}
