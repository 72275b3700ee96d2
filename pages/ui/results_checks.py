"""Can these numbers be believed? Checks, warnings, and how everything was measured."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from effq_core.glossary import tip
from effq_core.results.subject import settings
from pages.ui.choose import Source
from pages.ui.show import escape


def show_checks(source: Source) -> None:
    """Draws gates, warnings and settings.

    Args:
        source: The run.
    """
    results = source.results
    st.subheader("Checks", anchor=False, help=tip("gate"))
    gates = [("The samples", gate) for gate in results.gates]
    for variant in results.variants.values():
        gates += [(variant.title, gate) for gate in variant.gates]
    frame = pd.DataFrame(
        [
            {
                "outcome": "✓ passed" if gate.passed else "✗ FAILED",
                "about": about,
                "check": gate.name.replace("_", " "),
                "value": gate.value,
                "limit": gate.limit,
                "n": gate.n,
                "detail": gate.detail,
            }
            # Failed ones first: they are what one must see.
            for about, gate in sorted(gates, key=lambda entry: entry[1].passed)
        ]
    )
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    st.dataframe(
        frame,
        column_config={
            "outcome": text("Outcome", pinned=True),
            "about": text("About"),
            "check": text("Check"),
            "value": number("Measured", format="%.4g"),
            "limit": number("Limit", format="%.4g"),
            "n": number("n", help="Photos, tensors or operators looked at."),
            "detail": text("In words", width="large"),
        },
        hide_index=True,
        height="content",
        key="checks",
        alt=f"Table of {len(frame)} checks.",
    )
    if results.warnings:
        st.subheader("Warnings", anchor=False)
        for warning in results.warnings:
            st.markdown(f":material/warning: {escape(warning)}")
    st.subheader("How it was measured", anchor=False)
    st.markdown(
        "\n".join(f"- **{escape(name)}**: {escape(value)}" for name, value in settings(results))
    )
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    st.caption(escape(versions))
