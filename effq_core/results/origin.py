"""What the artifacts of a store were made from: how later stages' results are found again."""

import re

from effq_core.base.errors import StoreError
from effq_core.experiment.variants import PTQ
from effq_core.results.document import Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.manifest import Artifact

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(rf"([a-z][a-z0-9_-]*)/({_FINGERPRINT.pattern})")


def of_kind(store: ArtifactStore, kind: str) -> list[Artifact]:
    """Returns the sound artifacts of a kind, by their names."""
    names = [path.name for path in sorted((store.root / kind).glob("*"))]
    found = (store.find(kind, name) for name in names if _FINGERPRINT.fullmatch(name))
    return [artifact for artifact in found if artifact is not None]


def sources(artifact: Artifact | None) -> dict[str, str]:
    """Returns the addresses, ``<kind>/<fingerprint>``, of what an artifact was made from."""
    inputs = artifact.inputs.get("inputs", {}) if artifact else {}
    return {name: f"{each['stage']}/{each['fingerprint']}" for name, each in inputs.items()}


def artifact_at(store: ArtifactStore, address: str) -> Artifact | None:
    """Returns the artifact at an address, if it is there."""
    place = _ADDRESS.fullmatch(address)
    return store.find(*place.groups()) if place else None


def statistics_of(store: ArtifactStore, results: Results) -> str | None:
    """Returns the address of the statistics int8 was made from; StoreError if it has none."""
    if PTQ not in results.variants:
        return None
    address = results.variants[PTQ].artifact
    if not _ADDRESS.fullmatch(address):
        message = f"{address!r} is not the name of an artifact."
        raise StoreError(message, "The results were changed by hand; run the experiment again.")
    return sources(artifact_at(store, address)).get("statistics")
