"""What is offered where no variant keeps to the limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.advise.reasons import nearest
from effq_core.advise.recommend import Limits, recommend
from effq_core.results import load_reference
from tests.results.run_variations import changed

REFERENCE = load_reference()


def test_the_nearest_variant_says_what_it_needs_of_each_limit_it_breaks() -> None:
    found = nearest(REFERENCE, Limits(threads=1, size_kib=6000, latency_ms=6.0, drop_points=1))

    assert found is not None and found.name == "int8_qat"
    assert [each.key for each in found.message.facts["needs"]] == ["needs_size", "needs_ms"]


def test_a_limit_it_keeps_to_is_left_alone() -> None:
    found = nearest(REFERENCE, Limits(threads=1, size_kib=6400, drop_points=1))

    assert found is not None and found.name == "dynamic_range"
    [need] = found.message.facts["needs"]
    assert need.key == "needs_size" and found.limits.drop_points == 1


def test_a_drop_is_weighed_and_said_in_points() -> None:
    limits = Limits(threads=1, size_kib=7000, latency_ms=6.12, drop_points=0.0, certain=True)
    found = nearest(REFERENCE, limits)

    assert found is not None and found.name == "int8_qat"
    drop = found.message.facts["needs"][-1]
    assert drop.key == "needs_drop" and drop.facts["certain"]
    assert drop.facts["lost"] == pytest.approx(0.2, abs=0.05)


def test_nothing_is_near_where_nothing_may_be_shipped_or_was_timed() -> None:
    def fail(plain: dict[str, Any]) -> None:
        for variant in plain["variants"].values():
            variant["gates"][0]["passed"] = False

    assert nearest(changed(REFERENCE, fail), Limits(threads=1, size_kib=1)) is None
    assert nearest(REFERENCE, Limits(threads=7, latency_ms=1)) is None


def test_a_disturbed_variant_is_never_the_nearest_to_a_limit_on_latency() -> None:
    limits = Limits(threads=1, latency_ms=6.0)
    found = nearest(REFERENCE, limits)
    assert found is not None

    def disturb(plain: dict[str, Any]) -> None:
        plain["variants"][found.name]["latency"][0]["others_share"] = 0.53

    busy = changed(REFERENCE, disturb)
    other = nearest(busy, limits)
    assert other is not None and other.name != found.name
    by_size = Limits(threads=1, size_kib=0.99 * REFERENCE.variants[found.name].file.size_kib)
    assert nearest(busy, by_size) == nearest(REFERENCE, by_size), "no latency, no judgement of it"


@settings(max_examples=60, deadline=None)
@given(
    size=st.none() | st.floats(100, 6_000),
    latency=st.none() | st.floats(0.5, 5.0),
    drop=st.none() | st.floats(0, 1),
    certain=st.booleans(),
)
def test_the_loosened_limits_are_kept_by_that_variant_and_no_tighter_than_asked(
    size: float | None, latency: float | None, drop: float | None, certain: bool
) -> None:
    limits = Limits(threads=1, size_kib=size, latency_ms=latency, drop_points=drop, certain=certain)
    if recommend(REFERENCE, limits).chosen is not None:
        return
    found = nearest(REFERENCE, limits)
    assert found is not None

    again = recommend(REFERENCE, found.limits)
    fitting = {verdict.name for verdict in again.others if verdict.fits}
    assert found.name in fitting | {again.chosen.name if again.chosen else ""}
    for name in ("size_kib", "latency_ms", "drop_points"):
        asked, loosened = getattr(limits, name), getattr(found.limits, name)
        assert (asked is None) == (loosened is None) and (asked is None or loosened >= asked)
    assert replace(found.limits, size_kib=size, latency_ms=latency, drop_points=drop) == limits
