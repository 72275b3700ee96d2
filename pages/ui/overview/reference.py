"""The reference run at a glance, the paper's numbers beside ours."""

from typing import Any

import streamlit as st

from effq_core.advise.recommend import headline
from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.base.intervals import Proportion
from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.results import REFERENCE, Results
from effq_core.results.paper import EVALUATED, beside_paper
from pages.ui.common.choose import Source
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, escape, prose
from pages.ui.results.numbers import model_download
from pages.ui.results.tradeoff import about_paper


def show_reference(results: Results) -> None:
    """Shows what quantization did to the bundled model, and what the paper found."""
    n = results.baseline.accuracy.n
    threads = results.threads[0]
    st.subheader("The bundled model before and after quantization", anchor=False)
    st.caption(
        f"Reference run: {escape(results.model['title'])}, {fmt.count(n)} photos "
        f"({escape(results.dataset['title'])}), {fmt.counted(threads, 'thread')} of "
        f"{escape(results.hardware.cpu)}, seed {results.experiment.seed}."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Accuracy vs file size**", help=tip("top1"))
        figure = remembered(tradeoff, results, Against.SIZE, controls=False)
        chart(figure, key="overview_size")
    with right:
        st.markdown("**Accuracy vs latency**", help=tip("latency"))
        shown: dict[str, Any] = {"threads": threads, "controls": False, "paper": False}
        chart(remembered(tradeoff, results, Against.LATENCY, **shown), key="overview_latency")
    st.caption(
        "Up and to the left is better. Bars are 95 % intervals; hollow markers are the paper's "
        "values. **PTQ** quantizes the trained model as it is; **QAT** fine-tunes it with "
        "simulated rounding."
    )
    st.dataframe(
        _table(results, threads),
        hide_index=True,
        column_config=_columns(threads),
        alt="Size, accuracy and latency of each variant, the paper's values beside ours",
        key="overview_table",
    )
    about_paper(results)
    st.page_link(
        "pages/views/results.py",
        label="Look into this run",
        icon=":material/scatter_plot:",
        query_params={"run": REFERENCE},
    )


def show_outcome(results: Results) -> None:
    """Says in one box what to ship, why, and gives the file."""
    found = headline(results)
    with st.container(border=True, key="outcome"):
        icon = ":material/verified:" if found.sure else ":material/warning:"
        st.markdown(f"{icon} **Measured on the bundled model:** {escape(found.text)}")
        for caution in found.cautions:
            st.caption(f":material/info: {prose(caution.text)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if found.variant is not None:
                model_download(Source(REFERENCE, "Reference run", results), found.variant)
            if st.button("Why this one", type="tertiary", key="do_why"):
                st.switch_page(
                    "pages/views/results.py", query_params={"run": REFERENCE, "part": "Pick for me"}
                )


def _table(results: Results, threads: int) -> list[dict[str, str]]:
    paper, table = beside_paper(results).rows, []

    def top1(share: float, of: Proportion) -> str:
        return fmt.share_with_interval(share, of.low, of.high)

    for name, variant in results.variants.items():
        row, accuracy = paper.get(name), variant.accuracy.top1
        timing = variant.timing(threads)
        table.append(
            {
                "variant": variant.title,
                "size": fmt.kib(variant.file.size_bytes),
                "paper_size": fmt.kib(row.size_kib * fmt.KIB) if row else fmt.NOTHING,
                "top1": top1(accuracy.share, accuracy) if accuracy else fmt.NOTHING,
                "paper_top1": top1(row.top1, row.accuracy) if row else fmt.NOTHING,
                "latency": fmt.milliseconds(timing.median_ms if timing else None),
                "paper_latency": fmt.milliseconds(row.latency_ms if row else None),
            }
        )
    return table


def _columns(threads: int) -> dict[str, Any]:
    text = st.column_config.TextColumn
    return {
        "variant": text("Variant", help=tip("variant"), pinned=True),
        "size": text("Size", help=tip("size")),
        "paper_size": text("Paper's size", help="As printed, in KB; read as KiB."),
        "top1": text("Top-1 (95 %)", help=tip("top1") + " " + tip("interval")),
        "paper_top1": text(
            "Paper's top-1",
            help=f"As printed, with the interval its {EVALUATED} photos give; it prints none.",
        ),
        "latency": text(f"Latency, {fmt.counted(threads, 'thread')}", help=tip("latency")),
        "paper_latency": text(
            "Paper's latency", help="Mean of one loop of 100, default threads, another machine."
        ),
    }
