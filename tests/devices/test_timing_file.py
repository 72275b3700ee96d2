"""Files that claim to be timings: read exactly, or refused with the reason; never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.base.errors import InputError
from effq_core.base.intervals import median_interval
from effq_core.devices.timing_file import MAX_BYTES, DeviceReport, read_bounded, read_timings
from effq_core.results import load_reference
from tests.deliver.bundle.documents import disturbed, document, encoded, older, timing

REFERENCE = load_reference()


def test_a_file_is_read_and_its_numbers_are_computed_from_its_samples() -> None:
    told = document(REFERENCE)
    report = read_timings(encoded(told), "t.json")

    samples = told["timings"][0]["samples_ms"]
    first = report.timing(1)
    assert first is not None and report.timing(4) is None
    assert (first.n, first.warmup) == (120, 10)
    assert first.median_ms == float(np.median(samples))
    assert first.mean_ms == float(np.mean(samples))
    assert first.p99_ms == float(np.percentile(samples, 99))
    assert (first.median_low_ms, first.median_high_ms) == median_interval(samples)
    assert first.cold_start_ms == 20.5 + 9.25
    assert (report.device, report.cpu, report.cores) == ("Board 5", "Cortex-A76", 4)
    assert report.sha256 == REFERENCE.variants["int8"].file.sha256
    assert DeviceReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_the_order_of_thread_counts_does_not_matter() -> None:
    told = document(REFERENCE)
    backwards = told | {"timings": told["timings"][::-1]}

    assert read_timings(encoded(told), "a") == read_timings(encoded(backwards), "b")


def test_an_older_file_is_read_and_has_the_identity_it_had() -> None:
    report = read_timings(encoded(older(document(REFERENCE))), "t.json")

    assert report.id == "d1219c7037d0570d"
    assert {timing.disturbance for timing in report.timings} == {"not checked for other programs"}
    assert not report.is_disturbed
    assert (
        report.timing(1).median_ms
        == read_timings(encoded(document(REFERENCE)), "t").timing(1).median_ms
    )
    stored = report.to_dict()
    for each in stored["timings"]:
        for key in ("rounds", "disturbed", "others_share"):
            del each[key]
    assert DeviceReport.from_dict(stored) == report


def test_disturbed_timings_say_so() -> None:
    report = read_timings(encoded(disturbed(document(REFERENCE))), "t.json")

    first, second = report.timings
    assert (first.rounds, first.disturbed, first.others_share) == (4, 2, 0.43)
    assert first.disturbance == "disturbed: other programs used up to 43 % of the CPU"
    assert second.disturbance == ""
    assert report.is_disturbed
    assert DeviceReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        place: Any = told
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def _drop(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        place: Any = told
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def _samples(*values: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        told["timings"][0]["samples_ms"][: len(values)] = values

    return change


T = ("timings", 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set("format", to="other"), "another format"),
        (_set("format", to=["effq-device-timings"]), "another format"),
        (_set("version", to=3), "version is not 1 or 2"),
        (_set("version", to=1), "a timing has not exactly the keys"),
        (_set("version", to=True), "whole number"),
        (_set("extra", to=1), "not exactly the keys"),
        (_drop("device"), "not exactly the keys"),
        (_drop("machine", "cpu"), "machine has not exactly"),
        (_set("machine", "__class__", to="x"), "machine has not exactly"),
        (_set("machine", to=[]), "machine is not an object"),
        (_set("device", to=""), "1 to 80 characters"),
        (_set("device", to="x" * 81), "1 to 80 characters"),
        (_set("device", to=7), "1 to 80 characters"),
        (_set("device", to="a\nb"), "cannot be shown"),
        (_set("device", to="a\u202eb"), "cannot be shown"),
        (_set("device", to="a\ud800b"), "cannot be shown"),
        (_set("device", to="\0"), "cannot be shown"),
        (_set("device", to=" a"), "cannot be shown"),
        (_set("measured", to=-1), "measured of the file"),
        (_set("measured", to=1e9), "measured of the file"),
        (_set("measured", to=10**30), "measured of the file"),
        (_set("file", "sha256", to="../../etc"), "64 hexadecimal"),
        (_set("file", "sha256", to="A" * 64), "64 hexadecimal"),
        (_set("file", "sha256", to="a" * 64 + "\n"), "64 hexadecimal"),
        (_set("file", "bytes", to=0), "bytes of file"),
        (_set("machine", "cores", to=0), "cores of machine"),
        (_set("versions", to=None), "versions is not an object"),
        (_set("versions", to={str(n): "1" for n in range(11)}), "more than 10"),
        (_set("versions", to={"a\n": "1"}), "cannot be shown"),
        (_set("versions", to={"numpy": 2}), "numpy of versions"),
        (_set("timings", to=[]), "list of 1 to 8"),
        (_set("timings", to={}), "list of 1 to 8"),
        (_set(*T, "threads", to=2), "thread count is there twice"),
        (_set(*T, "threads", to=0), "threads of a timing"),
        (_set(*T, "threads", to=1.0), "threads of a timing"),
        (_set(*T, "warmup", to=-1), "warmup of a timing"),
        (_set(*T, "samples_ms", to=[5.0] * 99), "list of 100 to 10,000"),
        (_set(*T, "samples_ms", to=[5.0] * 10_001), "list of 100 to 10,000"),
        (_set(*T, "samples_ms", to="5" * 100), "list of 100 to 10,000"),
        (_samples(0), "a sample is not a time"),
        (_samples(-1.0), "a sample is not a time"),
        (_samples(1e9), "a sample is not a time"),
        (_samples(True), "a sample is not a time"),
        (_samples(None), "a sample is not a time"),
        (_samples("5"), "a sample is not a time"),
        (_samples(10**400), "a sample is not a time"),
        (_set(*T, "median_ms", to=1.0), "median_ms does not follow"),
        (_set(*T, "p99_ms", to=1.0), "p99_ms does not follow"),
        (_set(*T, "load_ms", to=1.0), "cold_start_ms does not follow"),
        (_set(*T, "mean_ms", to=None), "mean_ms of a timing"),
        (_drop(*T, "rounds"), "a timing has not exactly the keys"),
        (_set(*T, "rounds", to=0), "rounds of a timing"),
        (_set(*T, "disturbed", to=5), "disturbed of a timing"),
        (_set(*T, "others_share", to=1.1), "others_share of a timing"),
        (_set(*T, "others_share", to=True), "others_share of a timing"),
        (_set(*T, "others_share", to=0.5), "disturbed does not follow"),
        (_set(*T, "disturbed", to=1), "disturbed does not follow"),
    ],
)
def test_a_document_changed_in_one_place_is_refused_with_the_reason(change, reason: str) -> None:
    told = document(REFERENCE)
    change(told)

    with pytest.raises(InputError) as caught:
        read_timings(encoded(told), "t.json")
    assert caught.value.message.startswith("t.json is not what bench.py writes: ")
    assert reason in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe{}",
        b"\x80" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b'{"format": "effq-device-timings", "format": "effq-device-timings"}',
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_such_json_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"is not what bench\.py writes"):
        read_timings(content, "t.json")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused(word: str) -> None:
    text = encoded(document(REFERENCE)).decode()
    samples = document(REFERENCE)["timings"][0]["samples_ms"]

    with pytest.raises(InputError, match=r"not a number|not a time"):
        read_timings(text.replace(repr(samples[5]), word, 1).encode(), "t.json")


def test_large_files_are_refused_before_they_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(50 * 2**30)  # sparse: reading it whole would take minutes

    with pytest.raises(InputError, match=r"large\.json is larger than 4\.00 MiB"):
        read_bounded(path)
    with pytest.raises(InputError, match="larger"):
        read_timings(b" " * (MAX_BYTES + 1), "x")
    with pytest.raises(InputError, match=r"gone\.json cannot be read: No such file"):
        read_bounded(tmp_path / "gone.json")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_bounded(tmp_path)


def test_the_largest_file_bench_writes_is_taken() -> None:
    rng = np.random.default_rng(0)
    largest = [timing(rng.uniform(1e5, 6e5, 10_000).tolist(), n) for n in range(1, 9)]
    content = json.dumps(document(REFERENCE, timings=largest), indent=1).encode()

    assert len(content) < MAX_BYTES
    assert len(read_timings(content, "x").timings) == 8


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    key=st.sampled_from(list(document(REFERENCE))),
    value=JSON,
    inner=st.none() | st.sampled_from(["cpu", "cores", "sha256", "bytes", "numpy"]),
)
@settings(max_examples=150, deadline=None)
def test_any_value_anywhere_is_read_or_refused(key: str, value: Any, inner: str | None) -> None:
    told = document(REFERENCE)
    if inner is not None and isinstance(told[key], dict) and inner in told[key]:
        told[key][inner] = value
    else:
        told[key] = value
    try:
        report = read_timings(encoded(told), "t.json")
    except InputError as error:
        assert error.message.startswith("t.json")
    else:
        assert report.device.isprintable() and len(report.device) <= 80
