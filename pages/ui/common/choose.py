"""Choosing runs. The address (`?run=…`) is the truth: a link shows what its sender saw."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.results import REFERENCE, Results
from effq_core.results.wording import run_title
from effq_core.store.rows import RunRow
from pages.ui.common import session
from pages.ui.common.show import problem, toast

PARAMETER = "run"
MOST_COMPARED = 6  # runs side by side; more cannot be read

_LAST = "_last_run"


@dataclass(frozen=True)
class Source:
    """A run people look at: its id or ``reference``; its stamp tells one making from another."""

    id: str
    title: str
    results: Results
    stamp: str = ""


def choose_run(
    *, label: str = "Run", fits: Callable[[RunRow], bool] | None = None, reference: bool = True
) -> Source | None:
    """Lets the person choose a run; ``None`` if there is none or, which is said, it is damaged."""
    titles = _titles(fits, reference=reference)
    if not titles:
        return None
    wanted = _asked(titles, most=1) or _remembered(titles)
    key = f"choose_{PARAMETER}"
    st.session_state[key] = wanted[0]
    chosen = st.selectbox(
        label,
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        on_change=lambda: _remember([st.session_state[key]]),
    )
    found = _sources([chosen], titles)
    return found[0] if found else None


def choose_runs(*, label: str = "Runs", reference: bool = True) -> list[Source]:
    """Lets the person choose one or several runs, in that order; says which cannot be read."""
    titles = _titles(None, reference=reference)
    if not titles:
        return []
    key = f"choose_{PARAMETER}s"
    st.session_state[key] = _asked(titles, most=MOST_COMPARED) or _remembered(titles)
    chosen = st.multiselect(
        label,
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        max_selections=MOST_COMPARED,
        placeholder="Choose a run",
        on_change=lambda: _chosen(st.session_state[key], titles),
    )
    return _sources(chosen, titles)


def _titles(fits: Callable[[RunRow], bool] | None, *, reference: bool) -> dict[str, str]:
    titles = {
        run.id: run_title(run)
        for run in session.runs()
        if run.results is not None and (fits is None or fits(run))
    }
    if reference:
        results = session.reference()
        n = fmt.count(results.baseline.accuracy.n)
        titles[REFERENCE] = f"Reference run · {results.model['title']} · {n} photos"
    return titles


def _asked(titles: dict[str, str], *, most: int) -> list[str]:
    """Returns the runs of the address that exist; says which do not."""
    asked = list(dict.fromkeys(st.query_params.get_all(PARAMETER)))
    unknown = [run for run in asked if run not in titles]
    if unknown:
        # Only the length is taken from the address: it is anybody's text.
        st.warning(
            f"{fmt.counted(len(unknown), 'run')} in this address cannot be shown: deleted, "
            "without results, or not a run's id.",
            icon=":material/link_off:",
        )
    return [run for run in asked if run in titles][:most]


def _remembered(titles: dict[str, str]) -> list[str]:
    kept = [run for run in st.session_state.get(_LAST, []) if run in titles]
    return kept[:1] or [next(iter(titles))]


def _remember(chosen: list[str]) -> None:
    st.session_state[_LAST] = list(chosen)
    st.query_params[PARAMETER] = list(chosen)


def _chosen(chosen: list[str], titles: dict[str, str]) -> None:
    _remember(chosen)
    if not chosen:
        toast(f"No run is chosen, so this shows {titles[_remembered(titles)[0]]}.",
              ":material/info:")  # fmt: skip


def _sources(chosen: list[str], titles: dict[str, str]) -> list[Source]:
    by_id = {run.id: run for run in session.runs()} if chosen != [REFERENCE] else {}
    st.session_state[_LAST] = list(chosen)
    found = []
    for run in chosen:
        try:
            results = session.reference() if run == REFERENCE else session.results_of(by_id[run])
        except EffqError as error:
            problem(error)
            continue
        stamp = session.stamp_of(by_id[run]) if run in by_id else ""
        found.append(Source(run, titles[run], results, stamp))
    return found
