"""What follows from a photo a visitor uploaded to the Layers page: theirs alone, gone with it."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

_KEPT = "layers_my_photo"
_T = TypeVar("_T")


def mine(what: str, key: tuple[Any, ...], make: Callable[[], _T]) -> _T:
    """Makes something for this visitor alone, or returns what was made of the same before.

    Of what is named ``what`` only the latest is kept; ``key`` is what it follows from.
    """
    kept: dict[str, tuple[tuple[Any, ...], Any]] = st.session_state.setdefault(_KEPT, {})
    if what not in kept or kept[what][0] != key:
        kept[what] = key, make()
    found: _T = kept[what][1]
    return found


def forget_photo() -> None:
    """Forgets it all: the photo was taken away, or its page left."""
    st.session_state.pop(_KEPT, None)
