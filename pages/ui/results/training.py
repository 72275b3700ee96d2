"""Fine-tuning of a run: curves, and the proof that fake-quant was there."""

import streamlit as st

from effq_core.base.glossary import tip
from effq_core.charts.training import held_out_accuracy, losses
from effq_core.experiment.variants import CATALOGUE
from effq_core.results.several import qat_text
from effq_core.results.subject import training_text
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, empty, escape


def show_training(source: Source) -> None:
    """Draws the curves of every variant that was fine-tuned."""
    results = source.results
    trained = [variant for variant in results.variants.values() if variant.training]
    histories = {
        variant.name: variant.training["history"]
        for variant in trained
        if variant.training and variant.training.get("history")
    }
    if not trained:
        empty(
            "No variant of this run was fine-tuned: int8 QAT and its controls were not chosen.",
            page="experiment",
            label="Choose them for an experiment",
        )
        return
    if histories:
        left, right = st.columns(2)
        with left:
            st.subheader("Loss", anchor=False, help=tip("loss"))
            chart(losses(histories), key="losses")
        accuracy = held_out_accuracy(histories)
        if accuracy is not None:
            with right:
                st.subheader("Accuracy on held-out photos", anchor=False, help=tip("training_size"))
                chart(accuracy, key="held_out")
        st.caption(
            f"{escape(qat_text(results))}. The held-out photos only choose the best epoch; the "
            "accuracies of the other sections come from the evaluation photos."
        )
    for variant in trained:
        about = f"- **{escape(variant.title)}**: {escape(training_text(variant))}."
        st.markdown(about, help=tip("fake_quant"))
    made = results.variants.keys()
    controls = [row.name for row in CATALOGUE.values() if {row.beside, row.start_of} & made]
    if not made >= {*controls}:
        st.caption(
            "Whether QAT itself helped can only be told beside its two controls: the same graph "
            "without training, and the same training without fake-quant."
        )
