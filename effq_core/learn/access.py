"""From a run's results to the tensors it kept."""

from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE, PTQ
from effq_core.results.access import artifact_at, of_kind, sources, statistics_of
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore

STAGE = "tensors"  # kind of the stage that keeps tensors
ROUNDING_STAGE = "rounding"  # kind of the stage that keeps what rounding did


def find_rounding(results: Results) -> Path | None:
    """Finds the folder of what rounding did to a run's layers; StoreError, as for tensors.

    It may be another run's of the same int8 file: that pins the photos the rules looked at.
    """
    if results.folder is None or results.folder == REFERENCE_FOLDER:
        folder = REFERENCE_FOLDER / ROUNDING_STAGE
        return folder if folder.is_dir() else None
    store = ArtifactStore(Home(results.folder.parent))
    if PTQ not in results.variants:
        return None
    int8 = results.variants[PTQ].artifact
    for artifact in of_kind(store, ROUNDING_STAGE):
        moments = artifact_at(store, sources(artifact).get("moments", ""))
        if sources(moments).get("int8") == int8:
            return artifact.path
    return None


def find_tensors(results: Results) -> Path | None:
    """Finds the folder of a run's tensors, if any; ``StoreError`` for an unreadable store."""
    if results.folder is None or results.folder == REFERENCE_FOLDER:
        folder = REFERENCE_FOLDER / STAGE
        return folder if folder.is_dir() else None
    store = ArtifactStore(Home(results.folder.parent))
    float32 = results.variants[BASELINE].artifact
    statistics = statistics_of(store, results)
    fallback = None
    for artifact in of_kind(store, STAGE):
        made_from = sources(artifact)
        if made_from.get("float32") != float32:
            continue
        if made_from.get("statistics") == statistics:
            return artifact.path
        if "statistics" not in made_from:
            fallback = artifact.path  # its kernels are this run's, too
    return fallback
