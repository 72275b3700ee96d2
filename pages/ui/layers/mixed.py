"""Selective precision: keep blocks out of int8, by hand or the smallest set; what was tried."""

import json

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.experiment.setting import settings
from effq_core.experiment.variants import MIXED
from effq_core.layers.access import is_same_model, mixing
from effq_core.layers.explain import carriers
from effq_core.layers.words import GROUP_TITLES, block_title
from effq_core.results import REFERENCE, Results
from effq_core.tflite.recipe import RECIPE_FILE, Recipe
from pages.ui.common import session
from pages.ui.common.ask import ask
from pages.ui.common.choose import Source
from pages.ui.common.show import button, download, escape, pick, problem
from pages.ui.experiment.start import estimate
from pages.ui.layers.source import Known
from pages.ui.layers.start import begin
from pages.ui.layers.trials import show_trials

_SUGGEST, _BY_HAND = "Suggest for me", "I choose the blocks"


def show_mixed(known: Known, *, busy: bool) -> None:
    """Draws the choice, what was tried, and what was made."""
    st.subheader("Selective precision: keep a few blocks in floats", anchor=False,
                 help=tip("mixed_precision"))  # fmt: skip
    mixed = _choice(known)
    if mixed is not None:
        _button(known, mixed, busy=busy)
    show_trials(known.suggestions, "layers")
    show_made(known)


def _choice(known: Known) -> Mixed | None:
    way = pick("How", [_SUGGEST, _BY_HAND], "layers_way", _SUGGEST, label_visibility="collapsed")
    chosen = st.radio(
        "Kept blocks are stored as",
        [each.value for each in Precision],
        key="layers_precision",
        horizontal=True,
        help=tip("keep_precision"),
    )
    precision = Precision(chosen)
    if way == _BY_HAND:
        keep = _blocks(known)
        if not keep:
            st.caption("Choose at least one block.")
            return None
        return Mixed(keep=tuple(keep), precision=precision)
    return limits("layers", precision)


def _blocks(known: Known) -> list[str]:
    found = carriers(known.effect) if known.effect else None
    worst = [each.name for each in found.blocks] if found else []
    titles = {block.name: block_title(block) for block in known.network.blocks}
    titles |= {name: f"▤ {name}: {GROUP_TITLES[name]}" for name in known.network.groups}
    chosen = st.multiselect(
        "Keep in floats",
        list(titles),
        [name for name in worst if name in titles],
        format_func=titles.__getitem__,
        key=f"layers_keep_{known.source.id}",
        help="Initially the blocks that cause most of the divergence. The last entries are the "
        "same part of every block.",
    )
    effects = known.effect.by_name if known.effect else {}
    extra = [effects[name].extra_float16 for name in chosen if name in effects]
    if chosen and len(extra) == len(chosen) and None not in extra:
        total = sum(each or 0 for each in extra)
        st.caption(f"About {fmt.kib(total)} more than int8 in float16, measured one by one.")
    return list(chosen)


def limits(prefix: str, precision: Precision = Precision.FLOAT16) -> Mixed:
    """Asks within which limits the smallest set of blocks is looked for."""
    limited = [each for each in settings(Mixed) if each.use and each.kind is float]
    return Mixed(precision=precision).changed(
        {
            each.name: ask(each, f"{prefix}_{each.key}", place, value=each.default)
            for each, place in zip(limited, st.columns(3), strict=True)
        }
    )


def _button(known: Known, mixed: Mixed, *, busy: bool) -> None:
    asked = mixing(known.source.results.experiment, mixed, known.asked)
    try:
        cost = estimate(asked)
    except EffqError as error:
        problem(error)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        wanted = button(
            "Find the smallest set" if mixed.is_suggested else "Make this mixed file",
            "auto_fix_high",
            "layers_mix",
            type="primary",
            disabled=busy,
            help="A run on these layers is in progress." if busy else None,
        )
        st.caption(
            f"about {fmt.roughly(cost.seconds)} · {fmt.count(cost.cached)} of "
            f"{fmt.counted(cost.stages, 'stage')} cached · every set is measured, not just "
            "predicted"
        )
    if wanted:
        begin(known.source, asked, "Mixed from")


def show_made(known: Known) -> None:
    """Lists the mixed files made of this model, with their recipes and the way to their results."""
    for source in _mixed_runs(known.source):
        _made(source)


def _mixed_runs(source: Source) -> list[Source]:
    """Returns the runs with a mixed file of this very model, this one first."""
    found = [source] if MIXED in source.results.variants else []
    if source.id == REFERENCE:
        return found
    for run in session.runs():
        if run.results is None or run.id == source.id or not run.experiment.get("mixed"):
            continue
        try:
            results = session.results_of(run)
        except EffqError:
            continue  # deleted meanwhile, or damaged: the Results page says so
        if MIXED in results.variants and is_same_model(results, source.results):
            found.append(Source(run.id, run.name, results))
    return found


def _made(source: Source) -> None:
    mixed = source.results.variants[MIXED]
    recipe = _recipe(source.results)
    with st.container(border=True, key=f"layers_made_{source.id}"):
        st.markdown(
            f"**int8 mixed**, {escape(fmt.kib(mixed.file.size_bytes))}{escape(_kept(recipe))}. "
            f"{escape(mixed.sentence or '')}"
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if button("See its results", "scatter_plot", f"layers_see_{source.id}"):
                st.switch_page("pages/views/results.py", query_params={"run": source.id})
            if recipe is not None:
                download(
                    "recipe.json",
                    json.dumps(recipe.to_dict(), indent=1) + "\n",
                    RECIPE_FILE,
                    key=f"layers_recipe_{source.id}",
                    help="Lists the blocks kept in floats. With it and the float32 file, `effq` "
                    "makes the mixed file again.",
                )


def _kept(recipe: Recipe | None) -> str:
    if recipe is None:
        return ""
    if not recipe.keep:
        return ": nothing is kept in floats, it is int8 itself"
    return f": {fmt.listed(recipe.keep)} kept in {recipe.precision}"


def _recipe(results: Results) -> Recipe | None:
    if results.folder is None:
        return None
    folder = results.folder / results.variants[MIXED].artifact
    return Recipe.load(folder) if (folder / RECIPE_FILE).is_file() else None
