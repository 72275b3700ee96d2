"""From a run's results to the tensors it kept."""

from __future__ import annotations

import re
from pathlib import Path

from effq_core.base.errors import StoreError
from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.manifest import Artifact

STAGE = "tensors"
"""Kind of the stage that keeps tensors."""

_PTQ = "int8"
_ADDRESS = re.compile(r"([a-z][a-z0-9_-]*)/([0-9a-f]{64})")


def find_tensors(results: Results) -> Path | None:
    """Finds the folder of a run's tensors by what they were made from, if it has kept any.

    Raises:
        StoreError: If the store cannot be read.
    """
    if results.folder is None or results.folder == REFERENCE_FOLDER:
        folder = REFERENCE_FOLDER / STAGE
        return folder if folder.is_dir() else None
    store = ArtifactStore(Home(results.folder.parent))
    float32 = results.variants[BASELINE].artifact
    statistics = _statistics(store, results)
    fallback = None
    for artifact in _kept(store):
        sources = {
            name: f"{source['stage']}/{source['fingerprint']}"
            for name, source in artifact.inputs.get("inputs", {}).items()
        }
        if sources.get("float32") != float32:
            continue
        if sources.get("statistics") == statistics:
            return artifact.path
        if "statistics" not in sources:
            fallback = artifact.path  # its kernels are this run's, too
    return fallback


def _kept(store: ArtifactStore) -> list[Artifact]:
    found = (
        store.find(STAGE, path.name)
        for path in sorted((store.root / STAGE).glob("*"))
        if re.fullmatch(r"[0-9a-f]{64}", path.name)
    )
    return [artifact for artifact in found if artifact is not None]


def _statistics(store: ArtifactStore, results: Results) -> str | None:
    """Returns where the statistics are that the run's int8 file was made from."""
    if _PTQ not in results.variants:
        return None
    place = _ADDRESS.fullmatch(results.variants[_PTQ].artifact)
    if place is None:
        raise StoreError(
            f"{results.variants[_PTQ].artifact!r} is not the name of an artifact.",
            "The results were changed by hand; run the experiment again.",
        )
    made = store.find(*place.groups())
    if made is None:
        return None
    source = made.inputs.get("inputs", {}).get("statistics")
    return source and f"{source['stage']}/{source['fingerprint']}"
