"""Can these numbers be believed? Checks, warnings, and how everything was measured."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.measure.gates import Gate
from effq_core.results.subject import settings
from pages.ui.common.choose import Source
from pages.ui.common.show import escape

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
