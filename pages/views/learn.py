"""Learn: what quantization does to a network, shown on the chosen run's own tensors."""

import streamlit as st

from pages.ui.common.choose import Source, choose_run
from pages.ui.common.show import guard, page_head
from pages.ui.learn.calibration import calibration_part, fake_quant_part
from pages.ui.learn.recovery import recovery_part
from pages.ui.learn.rounding import rounding_part
from pages.ui.learn.source import tensors_of
from pages.ui.learn.weights import weights_part

_PART = "part"
_PARTS = {
    "weights": "1 · Weights",
    "ranges": "2 · Ranges",
    "rounding": "3 · Rounding",
    "fake-quant": "4 · Fake-quant",
    "training": "5 · Training",
}


def _choose_part() -> str:
    """Asks for a part; the address (`?part=…`) remembers it, so that a class can be sent there."""
    asked = st.query_params.get(_PART, "")
    st.session_state[_PART] = asked if asked in _PARTS else next(iter(_PARTS))

    def remember() -> None:
        st.query_params[_PART] = st.session_state[_PART]

    chosen = st.segmented_control(
        "Part",
        list(_PARTS),
        required=True,
        format_func=_PARTS.__getitem__,
        key=_PART,
        on_change=remember,
        wrap=True,
    )
    return chosen or next(iter(_PARTS))


@st.fragment
# Guarded in here: a fragment runs again by itself, without what is around it.
@guard()
def _draw(part: str, source: Source) -> None:
    if part == "training":
        recovery_part(source)
        return
    if part == "rounding":
        rounding_part(source)
        return
    tensors = tensors_of(source)
    if tensors is None:
        return
    if part == "weights":
        weights_part(tensors)
    elif part == "ranges":
        calibration_part(tensors, source)
    else:
        fake_quant_part(tensors, source)


page_head("Learn", "What does quantization do to a network, and what does it cost?")
first, second = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
with first:
    source = choose_run()
with second:
    part = _choose_part()
if source is not None:
    _draw(part, source)
