"""The Library's last part: is everything there that a run needs?"""

import streamlit as st

from effq_core.care.checkup import Check, State, examine
from pages.ui.common import session
from pages.ui.common.show import escape

_ICONS = {
    State.OK: ":material/check_circle:",
    State.NOTE: ":material/info:",
    State.FAILED: ":material/error:",
}


@st.cache_data(ttl=30, max_entries=2, show_spinner=False)
def _checks(_store: str) -> list[Check]:
    return examine(session.home(), network=False)


def show_health() -> None:
    """Draws the answers of ``effq doctor``, the network excepted."""
    box = st.expander(
        "Health of this installation",
        icon=":material/health_and_safety:",
        key="library_health",
        on_change="rerun",
    )
    if not box.open:  # the checks read every artifact's manifest
        return
    with box:
        checks = _checks(str(session.home().root))
        failed = [check for check in checks if check.state is State.FAILED]
        st.markdown(
            "**Runs cannot work here.**" if failed else "Everything a run needs is in place."
        )
        st.markdown("\n".join(_line(check) for check in checks))


def _line(check: Check) -> str:
    hint = f" {escape(check.hint)}" if check.hint else ""
    return f"- {_ICONS[check.state]} **{escape(check.name)}**: {escape(check.found)}.{hint}"
