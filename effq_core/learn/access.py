"""From a run's results to the tensors it kept."""

from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE
from effq_core.results.access import of_kind, sources, statistics_of
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore

STAGE = "tensors"  # kind of the stage that keeps tensors


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
