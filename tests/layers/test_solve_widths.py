"""Bits chosen exactly: never worse than any other choice within the limits."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.layers.solve_widths import Limit, Table, solve_widths, total

SIZES = {8: 8.0, 4: 4.0, 2: 2.0}


def tables(seed: int, layers: int) -> tuple[Table, Table, Table]:
    """Costs that rise with fewer bits, sizes and times of layers; the last has no 2 bits."""
    random = np.random.default_rng(seed)
    names = [f"layer{number}" for number in range(layers)]
    costs = {n: {8: 0.0, 4: (c := random.random()), 2: c + random.random()} for n in names}
    weights = dict(zip(names, random.integers(1, 2000, layers), strict=True))
    sizes = {n: {b: s * float(weights[n]) for b, s in SIZES.items()} for n in names}
    times = {n: {b: float(random.random()) for b in SIZES} for n in names}
    for table in (costs, sizes, times):
        del table[names[-1]][2]
    return costs, sizes, times


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 1.0), slow=st.floats(0.3, 1.2))
def test_no_choice_within_the_limits_costs_less(seed: int, share: float, slow: float) -> None:
    costs, sizes, times = tables(seed, 4)
    eights = dict.fromkeys(costs, 8)
    most = share * total(sizes, eights), slow * total(times, eights)
    limits = Limit(table=sizes, most=most[0]), Limit(table=times, most=most[1])
    found = solve_widths(costs, limits)
    all_there_are = [
        dict(zip(costs, bits, strict=True))
        for bits in itertools.product(*(costs[name] for name in costs))
    ]
    held = [
        widths
        for widths in all_there_are
        if total(sizes, widths) <= most[0] and total(times, widths) <= most[1]
    ]
    assert (found is None) == (not held)
    if found:
        assert found in held
        assert total(costs, found) <= min(total(costs, each) for each in held) + 1e-9


def test_a_limit_that_is_met_to_the_byte_is_met() -> None:
    costs, sizes, _ = tables(3, 5)
    fewest = {name: min(widths) for name, widths in sizes.items()}
    exact = total(sizes, fewest)
    assert solve_widths(costs, (Limit(table=sizes, most=exact),)) == fewest
    assert solve_widths(costs, (Limit(table=sizes, most=exact - 1),)) is None


def test_without_a_limit_nothing_is_given_up() -> None:
    costs, _, _ = tables(5, 4)
    assert set((solve_widths(costs, ()) or {}).values()) == {8}
