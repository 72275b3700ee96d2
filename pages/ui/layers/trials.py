"""What a search tried: every file drawn, and listed with the reason it was refused."""

from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.trials import share_of, standing, trials_chart
from effq_core.experiment.variants import FITTED
from effq_core.layers.trial_record import Suggestion
from pages.ui.common.show import chart, escape
from pages.ui.common.tables import Write, decimals, show_table


def show_trials(searches: tuple[Suggestion, ...], prefix: str) -> None:
    """Draws searches, the newest one first; ``prefix`` begins the keys of their widgets."""
    if not searches:
        return
    place = 0
    if len(searches) > 1:
        place = st.selectbox(
            "Search",
            range(len(searches)),
            format_func=lambda i: f"{i + 1} · {_limits(searches[i])}",
            key=f"{prefix}_search",
        )
    found = searches[place]
    icon = ":material/check_circle:" if found.met else ":material/info:"
    (st.success if found.met else st.info)(escape(found.sentence), icon=icon)
    left, right = st.columns(2, gap="large")
    with left:
        chart(trials_chart(found), key=f"{prefix}_trials")
        st.caption(
            "Numbers as in the table. ★ chosen, ✓ within every limit, ✗ outside a limit, ▲ int8; "
            "bars are 95 % intervals. The choice was made on these same photos."
        )
    with right:
        _table(found, f"{prefix}_trial_table")


def _limits(found: Suggestion) -> str:
    more = found.max_extra_size
    parts = [f"{fmt.decimals(abs(more), 0)} % {'larger' if more >= 0 else 'smaller'}"]
    if found.max_drop_points is not None:
        parts.insert(0, f"at most {fmt.decimals(found.max_drop_points, 2)} points lost")
    if found.max_latency_ratio is not None:
        parts.append(f"{fmt.ratio(found.max_latency_ratio)} the time")
    return f"{', '.join(parts)}: {fmt.counted(len(found.trials), 'file')} tried"


def _table(found: Suggestion, key: str) -> None:
    rows = []
    for place, trial in enumerate(found.trials):
        how = standing(found, place)
        share = share_of(trial)
        rows.append(
            {
                "number": place,
                "standing": f"{how.mark} {how.word}",
                "keep": trial.what or "nothing: int8 itself",
                "share": fmt.share_with_interval(share.share, share.low, share.high),
                "drop": trial.drop_points,
                "extra": trial.extra_size,
                "time": trial.time.times,
                "kl": 1000 * trial.kl,
                "why": trial.why or fmt.NOTHING,
            }
        )
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {
        "number": number("#", width="small", pinned=True),
        "standing": text("Standing"),
        "keep": text("Layers by bits" if found.variant == FITTED else "Kept in floats"),
        "kl": number("KL, mnat", help=tip("kl")),
        "drop": number("Lost, points", help=tip("max_drop")),
        "extra": number("Larger, %", help=tip("max_extra_size")),
        "time": number("Time, × int8's", help=tip("max_latency")),
        "share": text("Top-1 (95 %)" if found.labelled else "Same class (95 %)", help=tip("top1")),
        "why": text("Why refused", width="large"),
    }
    texts: dict[str, Write] = {
        "drop": decimals(2),
        "extra": decimals(1),
        "time": decimals(2),
        "kl": lambda value: fmt.plain(value, 3),
    }
    show_table(
        pd.DataFrame(rows),
        texts,
        config,
        key=key,
        alt=f"Table of {len(rows)} files that were tried.",
        disturbed={"time": [trial.time.disturbed for trial in found.trials]},
        height=min(360, 38 + 35 * len(rows)),
    )
    n = found.trials[0].n
    nearest = "The least KL divergence within the limits is chosen. "
    st.caption(
        (nearest if found.variant == FITTED else "")
        + f"On {fmt.counted(n, f'{found.photos} photo')}; times on one thread, each in turn "
        + "with int8"
        + ("." if found.complete else "; the time limit ended the search early.")
        + _disturbed(found)
    )


def _disturbed(found: Suggestion) -> str:
    busy = [str(place) for place, trial in enumerate(found.trials) if trial.busy]
    if not busy:
        return ""
    return (
        f" Number {fmt.listed(busy)}: timed twice while other processes were busy, so "
        "the times are uncertain."
    )
