"""Comparisons of a run's variants, computed once: they rest on files that never change."""

from typing import Any

import streamlit as st

from effq_core.advise.recommend import Headline, Limits, Recommendation, headline, recommend
from effq_core.measure.statistics import Comparison
from effq_core.results.pairs import (
    ChangedPhoto,
    ClassChange,
    Pair,
    changed_photos,
    class_changes,
    compare_all,
    compare_pair,
)
from effq_core.results.several import across
from pages.ui.common.choose import Source

_BY_STAMP: dict[str | type, Any] = {Source: lambda source: (source.id, source.stamp)}
cached = st.cache_data(show_spinner=False, max_entries=64, hash_funcs=_BY_STAMP)


@cached
def pair(source: Source, first: str, second: str) -> Pair:
    """Returns ``second`` set against ``first``."""
    return compare_pair(source.results, first, second)


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=_BY_STAMP)
def all_pairs(source: Source) -> tuple[Pair, ...]:
    """Returns every two variants of a run set against each other."""
    return compare_all(source.results)


@cached
def changed(source: Source, first: str, second: str) -> tuple[ChangedPhoto, ...]:
    """Returns the photos to which two variants give different answers."""
    return changed_photos(source.results, first, second)


@cached
def by_class(source: Source, first: str, second: str) -> tuple[ClassChange, ...]:
    """Returns what changed between two variants, class by class."""
    return class_changes(source.results, first, second)


@cached
def recommendation(source: Source, limits: Limits) -> Recommendation:
    """Returns the variant of a run to ship within limits."""
    return recommend(source.results, limits)


@cached
def outcome(source: Source) -> Headline:
    """Returns a run's outcome in one sentence."""
    return headline(source.results)


@cached
def between(first: Source, second: Source) -> dict[str, Comparison]:
    """Returns the variants two runs share, the second's set against the first's."""
    return across(first.results, second.results)
