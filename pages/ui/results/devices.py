"""Latency on other devices: importing what a bundle's ``bench.py`` wrote there, and showing it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError, InputError
from effq_core.base.glossary import tip
from effq_core.charts.devices import devices
from effq_core.devices.timing_file import MAX_BYTES, DeviceReport
from effq_core.devices.timings import delete_timings, import_timings, list_timings
from effq_core.photos.uploads import shown_name
from effq_core.results import Results
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import button, chart, guard, problem, toast

_GENERATION = "device_generation"
_SEEN = "_device_files_seen"
_MOST_FILES = 10

Reports = Mapping[str, Sequence[DeviceReport]]


def show_devices(source: Source, threads: int) -> None:
    """Draws what was measured of a run's files elsewhere, and takes more of it."""
    st.subheader("On other devices", anchor=False, help=tip("other_devices"))
    _take(source.results)
    reports = list_timings(session.home(), source.results)
    if not reports:
        st.caption(
            "Nothing is imported yet. Copy a variant's bundle from *Numbers and files* to the "
            'device and run `python bench.py --device "My board"` there. Then import the '
            "`timings.json` it writes."
        )
        return
    figure = devices(source.results, reports, threads)
    if figure is not None:
        chart(figure, key="devices")
        st.caption(
            "Filled: the machine this run was measured on; pale: the devices. Lines: 95 % "
            "intervals of the medians. ⚠ marks timings that other programs disturbed."
        )
    else:
        about = fmt.counted(threads, "thread")
        st.caption(f"No device was timed with {about}; the table has what was.")
    _table(source.results, reports)


def _take(results: Results) -> None:
    generation = st.session_state.setdefault(_GENERATION, 0)
    given = st.file_uploader(
        "Import `timings.json` from a device",
        type=["json"],
        accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 2**20,
        key=f"device_files_{generation}",
        help="The file a bundle's bench.py wrote. Everyone who opens this run sees it.",
    )
    seen: set[str] = st.session_state.setdefault(_SEEN, set())
    refused = False
    # Those taken before are left out, also where they were deleted since.
    fresh = [file for file in given if file.file_id not in seen]
    for file in fresh[:_MOST_FILES]:
        try:
            report = import_timings(session.home(), results, file.getvalue(), shown_name(file.name))
        except EffqError as error:
            refused = True
            problem(error)
        else:
            seen.add(file.file_id)
            toast(
                f"Timings of {report.device} imported."
                + (" Other programs disturbed them." if report.is_disturbed else "")
            )
    if len(fresh) > _MOST_FILES and not refused:
        st.rerun()  # for the next ones
    if given and not refused:
        # An empty uploader says best that they were taken.
        st.session_state[_GENERATION] = generation + 1
        st.rerun()


def _table(results: Results, reports: Reports) -> None:
    entries = [
        (results.variants[name].title, report, timing)
        for name, found in reports.items()
        for report in found
        for timing in report.timings
    ]
    frame = pd.DataFrame(
        [
            {
                "device": report.device,
                "variant": title,
                "threads": timing.threads,
                "median": timing.median_ms,
                "mean": timing.mean_ms,
                "p90": timing.p90_ms,
                "p99": timing.p99_ms,
                "cold": timing.cold_start_ms,
                "n": timing.n,
                "calm": timing.disturbance or "undisturbed",
                "cpu": f"{report.cpu} ({fmt.counted(report.cores, 'core')})",
                "system": f"{report.system}, Python {report.python}",
                "versions": ", ".join(f"{name} {v}" for name, v in report.versions.items()),
                "measured": fmt.moment(report.measured),
            }
            for title, report, timing in entries
        ]
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    # Row numbers mean other timings once some are gone: the table starts anew then.
    ids = "_".join(dict.fromkeys(report.id for _, report, _ in entries))
    event = st.dataframe(
        frame,
        column_config={
            "device": text("Device", pinned=True),
            "variant": text("Variant"),
            "threads": number("Threads", help=tip("threads")),
            "median": number("Median, ms", format="%.2f", help=tip("median")),
            "mean": number("Mean, ms", format="%.2f"),
            "p90": number("90 % within, ms", format="%.2f", help=tip("p90")),
            "p99": number("99 % within, ms", format="%.2f", help=tip("p99")),
            "cold": number("Cold start, ms", format="%.0f", help=tip("cold_start")),
            "n": number("n, invocations", help="Timed invocations the numbers rest on."),
            "calm": text(
                "Timing",
                help="Whether other programs used the CPU meanwhile. Repeat disturbed timings: "
                "close other programs and run bench.py again.",
            ),
            "cpu": text("Processor"),
            "system": text("System"),
            "versions": text("Libraries"),
            "measured": text("Measured", help="By the device's own clock."),
        },
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="multi-row",
        key=f"devices_table_{ids}",
        alt="Table of latencies measured on other devices.",
    )
    chosen = {entries[row][1].id for row in event.selection.rows if row < len(entries)}
    if chosen:
        button(
            f"Delete {fmt.counted(len(chosen), 'import')}",
            "delete",
            "devices_delete",
            help="Includes all their thread counts.",
            on_click=_delete,
            args=(sorted(chosen),),
        )


@guard()
def _delete(ids: Sequence[str]) -> None:
    for report_id in ids:
        with suppress(InputError):  # somebody else was quicker
            delete_timings(session.home(), report_id)
    toast(f"{fmt.counted(len(ids), 'import')} deleted.")
