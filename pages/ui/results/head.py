"""What a run was about, what came of it, and whether its numbers can be believed."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import PTQ
from effq_core.measure.gates import Gate
from effq_core.results.subject import facts, settings
from pages.ui.common.choose import PARAMETER, Source
from pages.ui.common.show import escape, prose
from pages.ui.results import cache as results_cache
from pages.ui.results.again import offer_retiming


def show_head(source: Source) -> None:
    """Draws the facts, the outcome and whether to trust it."""
    results = source.results
    st.caption(" · ".join(escape(fact) for fact in facts(results)), help=tip("n"))
    # Green only where nothing speaks against the numbers.
    found = results_cache.outcome(source)
    notes = (f"- {prose(note.text)}" for note in found.cautions)
    text = "\n".join([f"**{escape(found.text)}**", "", *notes])
    if found.variant is None and not found.retime:
        st.error(text, icon=":material/block:")
    elif found.sure:
        st.success(text, icon=":material/recommend:")
    else:
        st.warning(text, icon=":material/warning:")
    if found.retime:
        offer_retiming(source, key="head_anew")
    _trust(source)


def _trust(source: Source) -> None:
    results = source.results
    gates = [gate for _, gate in results.checks]
    failed = [gate for gate in gates if not gate.passed]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if failed:
            st.badge(
                f"{len(failed)} of {fmt.counted(len(gates), 'check')} failed",
                icon=":material/error:",
                color="red",
                help="Open Checks to see which. A failed check hides nothing.",
            )
        else:
            st.badge(
                f"All {fmt.counted(len(gates), 'check')} passed",
                icon=":material/check:",
                color="green",
                help=tip("gate"),
            )
        if results.warnings:
            st.badge(
                fmt.counted(len(results.warnings), "warning"),
                icon=":material/warning:",
                color="orange",
                help="\n".join(f"- {escape(warning.text)}" for warning in results.warnings[:8]),
            )
        if PTQ in results.variants:
            st.page_link(
                "pages/views/layers.py",
                label="Which layers does int8 hurt?",
                icon=":material/layers:",
                query_params={PARAMETER: source.id},
            )


_EXPLAINED = {"Governor": "governor"}  # settings whose names need a tooltip


def show_checks(source: Source) -> None:
    """Draws gates, warnings and settings."""
    results = source.results
    st.subheader("Checks", anchor=False, help=tip("gate"))
    groups: dict[str, list[tuple[str, Gate]]] = {}
    for about, gate in results.checks:
        title = about.title if about else ""
        groups.setdefault(gate.rule.heading, []).append((title, gate))
    # Failed ones first: they are what one must see.
    for heading in sorted(groups, key=lambda name: all(gate.passed for _, gate in groups[name])):
        _group(heading, groups[heading])
    if results.warnings:
        st.subheader("Warnings", anchor=False)
        for warning in results.warnings:
            st.markdown(f":material/warning: {escape(warning.text)}")
    st.subheader("How it was measured", anchor=False)
    told = settings(results)
    explained = [name for name, _ in told if name in _EXPLAINED]
    st.markdown(_listed([entry for entry in told if entry[0] not in explained]))
    for entry in told:
        if entry[0] in explained:
            st.markdown(_listed([entry]), help=tip(_EXPLAINED[entry[0]]), width="content")
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    st.caption(escape(versions))


def _listed(entries: list[tuple[str, str]]) -> str:
    return "\n".join(f"- **{escape(name)}**: {escape(value)}" for name, value in entries)


def _group(heading: str, gates: list[tuple[str, Gate]]) -> None:
    failed = sum(not gate.passed for _, gate in gates)
    outcome = ":green-badge[:material/check: passed]"
    if failed:
        outcome = f":red-badge[:material/error: {fmt.count(failed)} of {len(gates)} failed]"
    purpose = gates[0][1].rule.purpose
    lines = [f"**{escape(heading)}** {outcome}", f":small[{escape(purpose)}]"]
    for about, gate in sorted(gates, key=lambda entry: entry[1].passed):
        mark = "✓" if gate.passed else "**✗ failed**"
        title = f" {escape(about)}:" if about else ""
        lines.append(f":small[{mark}{title} {escape(gate.text)}]")
    st.markdown("  \n".join(lines))
