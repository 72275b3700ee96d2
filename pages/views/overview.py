"""Overview: what do I gain and what do I lose when I quantize this EfficientNet?"""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.pipeline.presets import demo
from pages.ui.common import session
from pages.ui.common.run_list import show_runs
from pages.ui.common.show import button, guard, page_head
from pages.ui.experiment.start import estimate, start
from pages.ui.overview.reference import show_outcome, show_reference

page_head(
    "EffQ Studio",
    "What do I gain and what do I lose when I quantize this EfficientNet, and which variant "
    "should I ship?",
)
st.markdown(
    "**Quantizing** a network replaces its 32-bit floats by 8-bit integers. The file gets smaller "
    "and runs faster on phones and boards; accuracy may drop a little. EffQ makes **five "
    "variants** of a network and **measures** size, accuracy and speed of each, with an interval "
    "on every number. Compare them, try your own photos, and take the `.tflite` file that fits.",
    help=tip("tflite"),
)
with guard():
    show_outcome(session.reference())

with guard(), st.container(horizontal=True, vertical_alignment="center", key="demo"):
    cost = estimate(demo())
    pressed = button(
        "Run the demo experiment",
        "play_arrow",
        "do_demo",
        type="primary",
        help="Five variants of the bundled model on built-in photos. Needs no network.",
    )
    st.markdown(
        f"about {fmt.roughly(cost.seconds)} on this machine, {fmt.size(cost.bytes)} of disk"
        if cost.cached < cost.stages
        else "its results are here already"
    )
    st.page_link("pages/views/experiment.py", label="Choose everything yourself")
    if pressed and (run_id := start(demo(), "Demo")):
        st.switch_page("pages/views/experiment.py", query_params={"run": run_id})

with guard():
    if session.runs():
        st.subheader("Latest runs", anchor=False)
        show_runs(most=5)
with guard():
    show_reference(session.reference())
