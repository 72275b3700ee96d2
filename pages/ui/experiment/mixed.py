"""The experiment form's part about ``int8_mixed``: what stays in floats, or within which limits."""

from __future__ import annotations

import streamlit as st

from effq_core.base.glossary import tip
from effq_core.experiment.mixed import Precision
from pages.ui.experiment.state import key


def choose_mixed() -> None:
    """Asks what the mixed file keeps out of int8."""
    st.markdown("**Int8 (mixed)**", help=tip("mixed_precision"))
    left, right = st.columns([2, 1])
    keep = left.text_input(
        "Blocks to keep in floats",
        key=key("mixed_keep"),
        placeholder="the smallest set within the limits",
        help="Names with commas between, such as stem, block1a: the Layers page shows them. "
        "Without names the smallest set that holds the limits is looked for, and each set tried "
        "is measured.",
    )
    right.selectbox(
        "Stored as",
        [each.value for each in Precision],
        key=key("mixed_precision"),
        help=tip("keep_precision"),
    )
    if str(keep or "").strip():
        return
    first, second, third = st.columns(3)
    # No bounds here: the experiment has them, and says what they are.
    first.number_input(
        "At most lost, points",
        step=0.1,
        format="%.2f",
        key=key("mixed_drop"),
        help=tip("max_drop"),
    )
    second.number_input(
        "At most larger than int8, %",
        step=1.0,
        format="%.0f",
        key=key("mixed_extra"),
        help=tip("max_extra_size"),
    )
    third.number_input(
        "At most × int8's time",
        step=0.1,
        format="%.2f",
        value=None,
        placeholder="any",
        key=key("mixed_ratio"),
        help=tip("max_latency"),
    )
