"""Classes: what is confused, what changed, how sure the variants are."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.classes import (
    MOST,
    class_differences,
    confusion,
    confusion_change,
    reliability,
)
from effq_core.experiment.variants import get_variant
from effq_core.results.document import class_names
from effq_core.results.pairs import by_chance
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, escape
from pages.ui.results import cache as results_cache
from pages.ui.results.choices import choose_pair


def show_classes(source: Source) -> None:
    """Draws confusion and change by class of a pair of variants."""
    results = source.results
    if results.baseline.accuracy.top1 is None:
        st.info(
            "The photos have no labels, so there is no confusion matrix and no accuracy by class. "
            "*Changed photos* shows the answers that differ.",
            icon=":material/label_off:",
        )
        return
    names = class_names(results)
    if len(results.variants) < 2:
        st.subheader("Confusion of float32", anchor=False, help=tip("confusion"))
        chart(confusion(results.baseline.accuracy, names), key="confusion")
        return
    chosen = choose_pair(results)
    if chosen is None:
        return
    first, second = (results.variants[name] for name in chosen)
    st.subheader("Accuracy change by class", anchor=False, help=tip("paired_interval"))
    rows = results_cache.by_class(source, *chosen)
    chart(class_differences(rows, f"{second.title} minus {first.title}"), key="class_changes")
    st.caption(
        f"{escape(second.title)} minus {escape(first.title)}; in brackets the photos of the class. "
        f"Of {fmt.counted(len(rows), 'class', 'classes')}, {by_chance(len(rows))} may lie off "
        "zero by chance (one interval in twenty)."
        + (f" Charts show the {MOST} classes that matter most." if len(names) > MOST else "")
    )
    left, right = st.columns(2)
    with left:
        st.subheader(f"Confusion of {escape(second.title)}", anchor=False, help=tip("confusion"))
        chart(confusion(second.accuracy, names), key="confusion")
        st.caption("Numbers are photos; colour is the share of the true class.")
    with right:
        st.subheader("Change in confusion", anchor=False, help=tip("confusion"))
        chart(confusion_change(first.accuracy, second.accuracy, names), key="confusion_change")
        st.caption("Plus: more photos than before; minus: fewer.")
    st.subheader("Confidence vs accuracy", anchor=False, help=tip("reliability"))
    shown = [
        name for name in results.variants if not get_variant(name).is_control or name in chosen
    ]
    chart(reliability({name: results.variants[name].accuracy for name in shown}), key="reliability")
