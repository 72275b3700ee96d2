"""Results: what did each variant gain and lose, and is the difference real?"""

from collections.abc import Callable

import streamlit as st

from pages.ui.common.choose import Source, choose_runs
from pages.ui.common.show import empty, guard, page_head, pick
from pages.ui.results.classes import show_classes
from pages.ui.results.head import show_checks, show_head
from pages.ui.results.numbers import show_numbers
from pages.ui.results.photos import show_photos
from pages.ui.results.pick import show_pick
from pages.ui.results.real import show_real
from pages.ui.results.several import show_several
from pages.ui.results.speed import show_speed
from pages.ui.results.sweep import show_sweep
from pages.ui.results.tradeoff import show_tradeoff
from pages.ui.results.training import show_training

# Only the chosen part is computed: a page of all of them would take seconds.
PARTS: dict[str, Callable[[Source], None]] = {
    "Trade-off": show_tradeoff,
    "Pick for me": show_pick,
    "Is it real?": show_real,
    "Changed photos": show_photos,
    "Classes": show_classes,
    "Speed": show_speed,
    "Training": show_training,
    "Numbers and files": show_numbers,
    "Checks": show_checks,
}

page_head("Results", "What did each variant gain and lose, and is the difference real?")
sweep = st.query_params.get("sweep")
if sweep:
    with guard():
        show_sweep(sweep)
    st.stop()
sources = choose_runs(label="Runs (choose several to set them side by side)")
if not sources:
    empty("No run is chosen.", page="experiment", label="Run an experiment")
elif len(sources) == 1:
    show_head(sources[0])
    part = pick(
        "Part",
        list(PARTS),
        "part",
        next(iter(PARTS)),
        label_visibility="collapsed",
        bind="query-params",
    )
    with guard():
        PARTS[part or next(iter(PARTS))](sources[0])
else:
    with guard():
        show_several(sources)
