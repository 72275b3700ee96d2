"""The tensors of the chosen run, read once."""

from pathlib import Path

import streamlit as st

from effq_core.learn.access import find_tensors
from effq_core.learn.tensors import Tensors
from effq_core.results import REFERENCE
from pages.ui.common.choose import Source
from pages.ui.common.show import empty


@st.cache_resource(show_spinner=False, max_entries=4)
def _load(folder: str) -> Tensors:
    # The artifact of a folder never changes: its name is the hash of what it was made from.
    return Tensors.load(Path(folder))


def tensors_of(source: Source) -> Tensors | None:
    """Reads a run's tensors; ``None`` if it has none, which is said."""
    folder = find_tensors(source.results)
    if folder is not None:
        return _load(str(folder))
    if source.id == REFERENCE:
        empty("This installation lacks the reference run's tensors. Choose another run.")
    else:
        empty(
            f"This run has no tensors: an earlier version of EffQ made it. "
            f"`effq resume {source.id}` adds them in seconds without measuring again. "
            "Or choose the reference run above."
        )
    return None


def numbers(*rows: tuple[str, str, str]) -> None:
    """Shows numbers side by side, each given as label, number and tooltip."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, text in rows:
            st.metric(label, value, help=text, width=160)
