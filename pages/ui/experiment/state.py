"""The experiment form's state: from an experiment to the widgets and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.errors import EffqError
from effq_core.experiment import Calibration, Experiment, Qat, QatLoss
from effq_core.experiment.mixed import Mixed
from effq_core.experiment.variants import BASELINE, CATALOGUE, MIXED, is_ready
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.fitting import fit
from pages.ui.common import session
from pages.ui.common.show import toast

PREFIX = "exp_"
LEARNING_RATES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
BATCH_SIZES = (8, 16, 32, 64)
OWN_SIZE = 0
"""Stands for the model's own input size: a selector shows no ``None``."""
_READY = PREFIX + "ready"


def key(name: str) -> str:
    """Returns a widget's key."""
    return PREFIX + name


def variant_key(variant: str) -> str:
    """Returns the key of a variant's checkbox."""
    return f"{PREFIX}variant_{variant}"


def fill(experiment: Experiment, name: str = "") -> None:
    """Puts an experiment into the form.

    Args:
        experiment: What to show.
        name: What the run is called.
    """
    calibration, qat = experiment.calibration, experiment.qat
    values = {
        "model": experiment.model,
        "dataset": experiment.dataset,
        "calibration_size": calibration.size,
        "calibration_method": calibration.method,
        "percentile": calibration.percentile,
        "epochs": qat.epochs,
        "learning_rate": qat.learning_rate,
        "batch_size": qat.batch_size,
        "loss": qat.loss.value,
        "training_size": experiment.training_size,
        "evaluation_size": experiment.evaluation_size,
        "image_size": experiment.image_size or OWN_SIZE,
        "threads": [t for t in experiment.threads if t <= hardware.usable_cores()] or [1],
        "seed": experiment.seed,
        "name": name,
        # No widgets ask for these here: the Layers page does, and sweeps do.
        "layers": experiment.layers,
        "common_seed": experiment.common_seed,
        **_mixed_values(experiment.mixed),
    }
    for field, value in values.items():
        st.session_state[key(field)] = value
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
        toast(f"There are few photos: {fmt.count(fitting.calibration.size)} calibrate.")
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
    """Returns the experiment the form describes.

    Raises:
        ExperimentError: If a value is out of range.
    """
    value = {
        str(name).removeprefix(PREFIX): state
        for name, state in st.session_state.items()
        if str(name).startswith(PREFIX)
    }
    return Experiment(
        model=value["model"],
        dataset=value["dataset"],
        variants=(
            BASELINE,
            *(
                name
                for name in (*CATALOGUE, *ready_boxes())
                if st.session_state.get(variant_key(name))
            ),
        ),
        calibration=Calibration(
            size=value["calibration_size"],
            method=value["calibration_method"],
            percentile=value["percentile"],
        ),
        qat=Qat(
            epochs=value["epochs"],
            learning_rate=value["learning_rate"],
            batch_size=value["batch_size"],
            loss=QatLoss(value["loss"]),
        ),
        training_size=value["training_size"],
        evaluation_size=value["evaluation_size"],
        image_size=value["image_size"] or None,
        threads=tuple(value["threads"]),
        seed=value["seed"],
        common_seed=value.get("common_seed"),
        layers=value.get("layers"),
        mixed=_read_mixed(value) if value.get(f"variant_{MIXED}") else None,
    )


def ready_boxes() -> list[str]:
    """Returns the variants with a checkbox that are files somebody brought."""
    start = variant_key("")
    names = [str(name).removeprefix(start) for name in st.session_state if start in str(name)]
    return sorted(name for name in names if is_ready(name))


def run_name() -> str:
    """Returns what the person calls the run."""
    return str(st.session_state.get(key("name")) or "").strip()


def _mixed_values(mixed: Mixed | None) -> dict[str, object]:
    """Returns the form's values for what an experiment mixes; the usual ones, if nothing."""
    shown = mixed or Mixed()
    return {
        "mixed_keep": ", ".join(shown.keep),
        "mixed_precision": shown.precision.value,
        "mixed_drop": shown.max_drop_points,
        "mixed_extra": shown.max_extra_size,
        "mixed_ratio": shown.max_latency_ratio,
        "mixed_budget": shown.budget_seconds,
    }


def _read_mixed(value: dict[str, Any]) -> Mixed:
    given = {**_mixed_values(None), **value}  # a form of an earlier version lacks some
    names = str(given["mixed_keep"] or "").split(",")
    return Mixed(
        keep=tuple(name.strip() for name in names if name.strip()),
        precision=given["mixed_precision"],
        max_drop_points=given["mixed_drop"],
        max_extra_size=given["mixed_extra"],
        max_latency_ratio=given["mixed_ratio"],
        budget_seconds=given["mixed_budget"],
    )
