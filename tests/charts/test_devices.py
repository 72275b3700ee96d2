from __future__ import annotations

from typing import Any

import pytest

from effq_core.charts.base import alt_text
from effq_core.charts.devices import devices
from effq_core.devices.timing_file import DeviceReport, read_timings
from effq_core.results import Results
from tests.deliver.bundle.documents import disturbed, document, encoded, older
from tests.results.run_variations import changed


def report(results: Results, *arguments: Any, **changes: Any) -> DeviceReport:
    return read_timings(encoded(document(results, *arguments, **changes)), "t.json")


def test_devices_stand_beside_the_host_with_medians_and_intervals(reference: Results) -> None:
    board = report(reference, "int8", "Board 5")
    phone = report(reference, "int8", "Phone")
    other = report(reference, "float32", "Phone")
    figure = devices(reference, {"float32": [other], "int8": [board, phone]}, 2)

    [bars] = figure.data
    host = reference.variants["int8"].timing(2)
    assert [text.split("<br>")[1] for text in figure.layout.yaxis.ticktext] == [
        "run&#x27;s host",
        "Phone",
        "run&#x27;s host",
        "Board 5",
        "Phone",
    ]
    assert bars.x[2] == host.median_ms and bars.x[3] == board.timing(2).median_ms
    assert bars.error_x.array[2] == pytest.approx(host.median_high_ms - host.median_ms)
    assert bars.error_x.arrayminus[3] == pytest.approx(
        board.timing(2).median_ms - board.timing(2).median_low_ms
    )
    opacities = [colour.rpartition(", ")[2] for colour in bars.marker.color]
    assert opacities == ["1)", "0.3)", "1)", "0.3)", "0.3)"]
    assert bars.marker.color[2] == "rgba(0, 158, 115, 1)" and bars.marker.line.color[3] == "#009e73"
    assert figure.layout.xaxis.title.text == "Median with 2 threads, ms"
    assert "int8 on run's host 3.45 ms; int8 on Board 5 2" in alt_text(figure)


def test_disturbed_timings_are_marked_wherever_they_are_read(reference: Results) -> None:
    told = disturbed(document(reference, device="Busy"))
    busy, calm = read_timings(encoded(told), "t.json"), report(reference, device="Calm")
    old = read_timings(encoded(older(document(reference, device="Old"))), "t.json")

    def warn(plain: dict[str, Any]) -> None:
        words = "Other processes used 30 % of the cores."
        plain["variants"]["int8"]["latency"][0]["warning"] = words

    host = changed(reference, warn)
    figure = devices(host, {"int8": [busy, calm, old]}, 1)

    [bars] = figure.data
    marked = ["⚠" in text for text in figure.layout.yaxis.ticktext]
    assert marked == ["⚠" in text for text in bars.hovertext] == [True, True, False, False]
    assert "Other processes used 30 %" in bars.hovertext[0]
    assert "disturbed: other programs used up to 43 % of the CPU" in bars.hovertext[1]
    assert alt_text(figure).count("(disturbed)") == 2
    # At two threads it was quiet.
    assert "⚠" not in "".join(devices(host, {"int8": [busy]}, 2).layout.yaxis.ticktext)


def test_of_one_device_the_latest_counts(reference: Results) -> None:
    newer = report(reference, "int8", "Board", measured=2)
    older = report(reference, "int8", "Board", measured=1)
    only_two = {**document(reference), "timings": document(reference)["timings"][1:]}
    newest = read_timings(encoded(only_two | {"device": "Board", "measured": 3}), "t.json")

    figure = devices(reference, {"int8": [newest, newer, older]}, 1)
    assert len(figure.data[0].x) == 2
    assert figure.data[0].x[1] == newer.timing(1).median_ms, "the newest lacks this count"


def test_without_that_thread_count_there_is_no_chart(reference: Results) -> None:
    assert devices(reference, {"int8": [report(reference)]}, 4) is None
    assert devices(reference, {}, 1) is None


def test_a_host_that_was_not_timed_is_left_out(reference: Results) -> None:
    def untimed(plain: dict[str, Any]) -> None:
        plain["variants"]["int8"]["latency"] = []

    figure = devices(changed(reference, untimed), {"int8": [report(reference)]}, 1)
    assert len(figure.data[0].x) == 1


def test_a_devices_name_is_no_markup(reference: Results) -> None:
    told = report(reference, "int8", "<b>x</b><script>")
    figure = devices(reference, {"int8": [told]}, 1)

    shown = (*figure.layout.yaxis.ticktext, *figure.data[0].hovertext)
    assert not any("<script>" in text or "<b>x" in text for text in shown)
