"""The experiment form's state: from an experiment to the widgets and back."""

from dataclasses import replace
from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.errors import EffqError
from effq_core.experiment import Experiment
from effq_core.experiment.setting import Setting, walk
from effq_core.experiment.variants import BASELINE, CATALOGUE, is_ready
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.fitting import fit
from pages.ui.common import session
from pages.ui.common.ask import UNSET
from pages.ui.common.show import toast

PREFIX = "exp_"
HELD = tuple(
    each
    for each in walk(Experiment)
    if each.part != "layers"
    and (not each.is_part or each.path == "layers")
    and each.path not in ("variants", "sitting", "files_of")
)
"""The settings the form holds. Layers are held whole: another page asks for them. Variants have a
checkbox each; which time, and whose files, is for the run that is made to say."""
_READY = PREFIX + "ready"


def key(name: str) -> str:
    """Returns a widget's key."""
    return PREFIX + name


def setting_key(setting: Setting) -> str:
    """Returns the key of a setting's widget."""
    return key(f"{setting.part}_" * bool(setting.variant) + (setting.key or setting.name))


def is_asked(setting: Setting) -> bool:
    """Returns whether the variant a setting is about is ticked; true where it is about none."""
    return not setting.variant or bool(st.session_state.get(variant_key(setting.variant)))


def variant_key(variant: str) -> str:
    """Returns the key of a variant's checkbox."""
    return f"{PREFIX}variant_{variant}"


def fill(experiment: Experiment, name: str = "") -> None:
    """Puts an experiment into the form."""
    for each in HELD:
        st.session_state[setting_key(each)] = _shown(each, each.of(experiment))
    st.session_state[key("name")] = name
    for variant in {*CATALOGUE, *ready_boxes(), *filter(is_ready, experiment.variants)}:
        st.session_state[variant_key(variant)] = variant in experiment.variants
    st.session_state[_READY] = True


def fit_sizes() -> None:
    """Makes sizes fit photos just chosen, where they are fewer than the form asks for."""
    try:
        chosen = read()
        allowed = require_allowed(chosen.dataset, session.home())
        fitting = fit(replace(chosen, dataset=allowed), session.home())
    except EffqError:
        return  # the form says what is wrong where it is
    if fitting.calibration.size != chosen.calibration.size:
        toast(f"Few photos: only {fmt.count(fitting.calibration.size)} are used for calibration.")
    st.session_state[key("calibration_size")] = fitting.calibration.size
    st.session_state[key("training_size")] = fitting.training_size
    st.session_state[key("evaluation_size")] = fitting.evaluation_size


def fill_once(experiment: Experiment) -> None:
    """Puts an experiment into the form unless this session has filled it already."""
    if not st.session_state.get(_READY):
        fill(experiment)


def keep() -> None:
    """Keeps the form's values while another page is shown: Streamlit drops hidden widgets'."""
    for name in list(st.session_state):
        if isinstance(name, str) and name.startswith(PREFIX):
            st.session_state[name] = st.session_state[name]


def read() -> Experiment:
    """Returns the experiment the form describes."""
    state = st.session_state
    chosen = (name for name in (*CATALOGUE, *ready_boxes()) if state.get(variant_key(name)))
    values = {
        each.path: _read(each, state[setting_key(each)])
        for each in HELD
        # A form of an earlier version lacks some.
        if setting_key(each) in state and is_asked(each)
    }
    return Experiment().changed({**values, "variants": (BASELINE, *chosen)})


def ready_boxes() -> list[str]:
    """Returns the variants with a checkbox that are added files."""
    start = variant_key("")
    names = [str(name).removeprefix(start) for name in st.session_state if start in str(name)]
    return sorted(name for name in names if is_ready(name))


def run_name() -> str:
    """Returns what the person calls the run."""
    return str(st.session_state.get(key("name")) or "").strip()


def _shown(setting: Setting, value: Any) -> Any:
    if setting.path == "threads":
        return [count for count in value if count <= hardware.usable_cores()] or [1]
    if setting.many:
        return ", ".join(value)
    if value is None:
        return UNSET if setting.suggested else None
    if setting.kind is float:
        return float(value)  # the widget's steps are
    return str(value) if setting.choices else value


def _read(setting: Setting, shown: Any) -> Any:
    if setting.many and isinstance(shown, str):
        return tuple(name.strip() for name in shown.split(",") if name.strip())
    if setting.optional and setting.suggested:
        return shown or None
    return shown
