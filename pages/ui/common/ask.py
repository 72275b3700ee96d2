"""Asking for a setting: the widget follows from what is known of it."""

from collections.abc import Iterator
from typing import Any

import streamlit as st

from effq_core.base import hardware
from effq_core.experiment.setting import Setting

UNSET = 0  # stands for ``None`` in a selector, which shows no ``None``


def ask(setting: Setting, key: str, place: Any = st, **usual: Any) -> Any:
    """Draws the widget that asks for a setting, and returns what was chosen."""
    words: dict[str, Any] = {"label": setting.label, "key": key, "help": setting.help}
    if setting.slider and setting.bounds:
        low, high = setting.bounds
        return place.slider(min_value=low, max_value=high, step=setting.step, **words)
    if setting.choices or setting.suggested:
        now = st.session_state.get(key)  # shown also where it is none of those offered
        offered = [UNSET] * setting.optional + sorted({*setting.suggested, *([now] if now else [])})
        values = list(map(str, setting.choices())) if setting.choices else offered
        text = setting.text if setting.choices else lambda value: setting.text(value or None)
        return place.selectbox(options=values, format_func=text, **words)
    if setting.many and setting.kind is int:
        return place.multiselect(options=list(range(1, hardware.usable_cores() + 1)), **words)
    if setting.many:
        return place.text_input(placeholder=setting.nothing, **words)
    if setting.kind is str:
        return place.text_input(**words)
    if setting.optional:
        words |= {"value": None, "placeholder": setting.nothing}
    if usual and setting.bounds:
        words |= {"min_value": setting.bounds[0], "max_value": setting.bounds[1], **usual}
    digits = f"%.{setting.digits}f" if setting.kind is float else None
    return place.number_input(step=setting.step, format=digits, **words)


def cells(width: int = 3) -> Iterator[Any]:
    """Goes through the cells of a grid, row by row; rows are drawn as they are needed."""
    while True:
        yield from st.columns(width)
