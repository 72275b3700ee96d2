"""How pages show things: headings, charts, problems, empty states."""

import logging
import mimetypes
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, StopException

from effq_core.base.errors import BusyError, EffqError
from effq_core.charts.base import alt_text

_LOG = logging.getLogger("effq.dashboard")
_TOASTS = "_toasts"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])")
# Plotly's own buttons would be six stops of the tab key on every chart; hovering works without.
_CHART = {"displaylogo": False, "displayModeBar": False}


def page_head(title: str, question: str) -> None:
    """Writes a page's title and the question it answers."""
    st.title(title, anchor=False)
    st.caption(question)


def escape(text: str) -> str:
    """Makes text from files and labels harmless in Markdown, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def prose(text: str) -> str:
    """Makes a message harmless in Markdown but keeps its `code` as code."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is just a backtick
        return escape(text)
    return "".join(
        f"`{part}`" if number % 2 and part else _MARKDOWN.sub(r"\\\1", part)
        for number, part in enumerate(parts)
    )


def chart(figure: go.Figure, *, key: str, place: Any = st, **more: Any) -> None:
    """Draws a chart with its alternative text; a stable key lets it be updated, not redrawn."""
    place.plotly_chart(figure, key=key, config=_CHART, alt=alt_text(figure) or None, **more)


def download(label: str, data: Any, name: str, *, key: str, **more: Any) -> None:
    """Offers a file; what it holds may be a function, called when it is asked for."""
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    shown = {"icon": ":material/download:", "on_click": "ignore", **more}
    st.download_button(label, data, file_name=name, mime=mime, key=key, **shown)


def button(label: str, icon: str, key: str, *, place: Any = st, **more: Any) -> bool:
    """Draws a button with one of Material's icons, and returns whether it was pressed."""
    return bool(place.button(label, icon=f":material/{icon}:", key=key, **more))


def pick(label: str, options: Any, key: str, default: Any, **more: Any) -> Any:
    """Lets the person pick one of a few options; one is always picked."""
    more = {"default": default, "required": True, "key": key, **more}
    chosen = st.segmented_control(label, options, **more)
    return default if chosen is None else chosen


def problem(error: EffqError) -> None:
    """Shows what went wrong and what to do next."""
    text = f"**{prose(error.message)}**"
    if error.hint:
        text += f"\n\n{prose(error.hint)}"
    if isinstance(error, BusyError):  # nothing is wrong
        st.info(text, icon=":material/hourglass_top:")
        return
    st.error(text, icon=":material/error:")


@contextmanager
def guard() -> Iterator[None]:
    """Turns errors of the block into messages; a bug gets an id that is in the server's log."""
    try:
        yield
    except (RerunException, StopException):
        raise  # Streamlit's own way of ending a script
    except EffqError as error:
        problem(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence of a page
        number = secrets.token_hex(4)
        _LOG.exception("Bug %s", number)
        st.error(
            f"**This part of the page failed: bug {number} ({type(error).__name__}).** "
            "Nothing stored is lost. Reload the page. If it fails again, report this number; the "
            "server's log has the details.",
            icon=":material/bug_report:",
        )


def empty(text: str, *, page: str = "", label: str = "", icon: str = ":material/info:") -> None:
    """Says that there is nothing here yet, and offers the next step."""
    with st.container(border=True):
        st.markdown(f"{icon} {text}")
        if page:
            st.page_link(f"pages/views/{page}.py", label=label, icon=":material/arrow_forward:")


def toast(text: str, icon: str = ":material/check:") -> None:
    """Shows a short message, also after the rerun that follows."""
    st.session_state.setdefault(_TOASTS, []).append((prose(text), icon))


def flush_toasts() -> None:
    """Shows the messages left by the script before this one."""
    for text, icon in st.session_state.pop(_TOASTS, []):
        st.toast(text, icon=icon)
