"""Comparisons of a run's variants, computed once: they rest on files that never change."""

from __future__ import annotations

import streamlit as st

from effq_core.advise.headline import Headline, headline
from effq_core.advise.recommend import Limits, Recommendation, recommend
from effq_core.measure.statistics import Comparison
from effq_core.results import Results
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

_MOST = 64


def pair(source: Source, first: str, second: str) -> Pair:
    """Returns ``second`` set against ``first``."""
    return _pair(_key(source, first, second), source.results, first, second)


def all_pairs(source: Source) -> tuple[Pair, ...]:
    """Returns every two variants of a run set against each other."""
    return _all_pairs(_key(source, *source.results.variants), source.results)


def changed(source: Source, first: str, second: str) -> tuple[ChangedPhoto, ...]:
    """Returns the photos to which two variants give different answers."""
    return _changed(_key(source, first, second), source.results, first, second)


def by_class(source: Source, first: str, second: str) -> tuple[ClassChange, ...]:
    """Returns what changed between two variants, class by class."""
    return _by_class(_key(source, first, second), source.results, first, second)


def recommendation(source: Source, limits: Limits) -> Recommendation:
    """Returns the variant of a run to ship within limits."""
    key = _key(source, *source.results.variants)
    return _recommendation(key, limits, source.results)


def outcome(source: Source) -> Headline:
    """Returns a run's outcome in one sentence."""
    return _outcome(_key(source, *source.results.variants), source.results)


def between(first: Source, second: Source) -> dict[str, Comparison]:
    """Returns the variants two runs share, the second's set against the first's."""
    keys = _key(first, *first.results.variants), _key(second, *second.results.variants)
    return _between(keys, first.results, second.results)


def _key(source: Source, *variants: str) -> tuple[str, ...]:
    return source.id, source.stamp, *variants


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _pair(key: tuple[str, ...], _results: Results, first: str, second: str) -> Pair:
    return compare_pair(_results, first, second)


@st.cache_data(show_spinner=False, max_entries=8)
def _all_pairs(key: tuple[str, ...], _results: Results) -> tuple[Pair, ...]:
    return compare_all(_results)


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _changed(
    key: tuple[str, ...], _results: Results, first: str, second: str
) -> tuple[ChangedPhoto, ...]:
    return changed_photos(_results, first, second)


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _by_class(
    key: tuple[str, ...], _results: Results, first: str, second: str
) -> tuple[ClassChange, ...]:
    return class_changes(_results, first, second)


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _recommendation(key: tuple[str, ...], limits: Limits, _results: Results) -> Recommendation:
    return recommend(_results, limits)


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _outcome(key: tuple[str, ...], _results: Results) -> Headline:
    return headline(_results)


@st.cache_data(show_spinner=False, max_entries=_MOST)
def _between(
    keys: tuple[tuple[str, ...], ...], _first: Results, _second: Results
) -> dict[str, Comparison]:
    return across(_first, _second)
