"""Several runs side by side, and what may not be compared."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.side_by_side import Quantity, letters, side_by_side
from effq_core.results.several import Difference, Touches, differences, verdicts
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, escape, pick
from pages.ui.common.tables import show_pairs
from pages.ui.results import cache as results_cache
from pages.ui.results.sweep import show_choice

_QUANTITIES = {
    Quantity.QUALITY: "Accuracy",
    Quantity.DIFFERENCE: "Difference to float32",
    Quantity.SPEEDUP: "Speed-up",
    Quantity.LATENCY: "Latency",
    Quantity.SIZE: "Size",
}
_TIMED = (Quantity.SPEEDUP, Quantity.LATENCY)
_NOTES = {
    Quantity.SPEEDUP: "Bars go from the lowest to the highest round; each run's float32 is the one "
    "timed in turn with it. * timed on a busy machine.",
    Quantity.LATENCY: "Bars are 95 % intervals. Each run was timed at another moment: speed-ups "
    "compare better. * timed on a busy machine.",
}


def show_several(sources: Sequence[Source]) -> None:
    """Draws two runs or more."""
    names = letters(len(sources))
    for name, source in zip(names, sources, strict=True):
        n = fmt.counted(source.results.baseline.accuracy.n, "photo")
        st.markdown(f"**{name}**  {escape(source.title)} (n = {n})")
    found = differences([source.results for source in sources])
    for sentence in verdicts(found):
        st.warning(escape(sentence), icon=":material/compare_arrows:")
    _differences(found, names)
    _side_by_side(sources, names)
    _across(sources, names)
    show_choice(sources)


def _differences(found: Sequence[Difference], names: Sequence[str]) -> None:
    st.subheader("What differs", anchor=False)
    if not found:
        st.markdown("Nothing: the same experiment, measured again.")
        return
    touched = {
        Touches.ACCURACY: "accuracies cannot be compared",
        Touches.LATENCY: "latencies cannot be compared",
        Touches.NOTHING: "",
    }
    frame = pd.DataFrame(
        [
            {
                "what": entry.what,
                **dict(zip(names, entry.values, strict=True)),
                "so": touched[entry.touches],
            }
            for entry in found
        ]
    )
    st.dataframe(
        frame,
        column_config={
            "what": st.column_config.TextColumn("", pinned=True),
            "so": st.column_config.TextColumn("Therefore"),
        },
        hide_index=True,
        key="several_differences",
        alt=f"Table of {len(frame)} settings that are not the same in all runs.",
    )


def _side_by_side(sources: Sequence[Source], names: Sequence[str]) -> None:
    st.subheader("Side by side", anchor=False)
    shared = set.intersection(*(set(source.results.threads) for source in sources))
    quantities = [q for q in Quantity if q not in _TIMED or shared]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        quantity = Quantity(
            pick(
                "Show",
                quantities,
                "several_quantity",
                Quantity.QUALITY,
                format_func=_QUANTITIES.__getitem__,
                persist_state="page",
            )
        )
        threads = min(shared, default=1)
        if quantity in _TIMED and len(shared) > 1:
            threads = pick(
                "Threads",
                sorted(shared),
                "several_threads",
                threads,
                help=tip("threads"),
                persist_state="page",
            )
    runs = [source.results for source in sources]
    figure = side_by_side(runs, quantity, threads=threads)
    if figure is None:
        st.info("These photos have no labels: there is no accuracy.", icon=":material/label_off:")
        return
    chart(figure, key="several_chart")
    st.caption(_NOTES.get(quantity, "Bars are 95 % intervals.") + " Letters are the runs above.")


def _across(sources: Sequence[Source], names: Sequence[str]) -> None:
    """Compares the same variant of two runs photo by photo, where the photos are the same."""
    pairs, left_out = [], []
    for name, source in zip(names[1:], sources[1:], strict=True):
        compared = results_cache.between(sources[0], source)
        if not compared:
            left_out.append(name)
        for variant, comparison in compared.items():
            what = source.results.variants[variant].title, f"{name} minus {names[0]}"
            pairs.append((what, comparison, None))
    st.subheader("The same variant in two runs", anchor=False, help=tip("mcnemar"))
    if left_out:
        st.caption(
            f"Not tested against {names[0]}, because the photos or the model's classes differ: "
            f"{', '.join(left_out)}."
        )
    if pairs:
        show_pairs(
            {"variant": "Variant", "runs": "Runs"},
            pairs,
            key="several_across",
            alt=f"Table of {len(pairs)} variants compared between runs.",
        )
