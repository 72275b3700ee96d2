"""Glossary: every term of the dashboard, to read or to look up."""

import streamlit as st

from effq_core.base.glossary import matching
from pages.ui.common.show import page_head

page_head("Glossary", "What do the words mean?")
looked_for = st.text_input(
    "Find a term", placeholder="For example: fake-quant, p90, McNemar", key="glossary_search"
)
found = matching(looked_for)
if not found:
    st.info("No matching term. Try a shorter word.")
for heading, terms in found.items():
    st.subheader(heading, anchor=heading.lower().replace(" ", "-"))
    st.markdown("\n\n".join(f"**{term.title}**  \n{term.text}" for term in terms))
