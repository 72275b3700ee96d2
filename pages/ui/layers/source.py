"""What is known about the layers of the chosen run, read once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import streamlit as st

from effq_core.experiment.mixed import Layers
from effq_core.experiment.variants import BASELINE
from effq_core.layers.access import Evidence, find_evidence
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.signal_record import SignalRecord
from effq_core.layers.trial_record import Suggestion
from effq_core.tflite.network import Network, read_network
from pages.ui.common.choose import Source

_MOST = 6
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Known:
    """What is known about a run's layers."""

    source: Source
    network: Network
    signal: SignalRecord | None
    effect: EffectRecord | None
    suggestions: tuple[Suggestion, ...]
    asked: Layers | None


# The artifact of a folder never changes: its name is the hash of what it was made from.
@st.cache_resource(show_spinner=False, max_entries=4 * _MOST)
def _record(folder: str, _load: Callable[[Path], _T]) -> _T:
    return _load(Path(folder))


@st.cache_resource(show_spinner=False, max_entries=_MOST)
def _network(sha256: str, _file: Path) -> Network:
    return read_network(_file)


def network_of(source: Source) -> Network:
    """Reads a run's blocks from its float32 file."""
    file = source.results.model_file(BASELINE)
    return _network(source.results.baseline.file.sha256, file)


def known_about(source: Source) -> Known | None:
    """Reads what is known about a run's layers; ``None`` where nobody has looked yet."""
    found: Evidence | None = find_evidence(source.results)
    if found is None:
        return None
    return Known(
        source=source,
        network=network_of(source),
        signal=_record(str(found.signal), SignalRecord.load) if found.signal else None,
        effect=_record(str(found.effect), EffectRecord.load) if found.effect else None,
        suggestions=tuple(_record(str(folder), Suggestion.load) for folder in found.suggestions),
        asked=found.asked,
    )
