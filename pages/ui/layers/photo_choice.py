"""Choosing the photo that is followed through both models."""

from dataclasses import dataclass

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError, EffqError
from effq_core.experiment.variants import BASELINE, PTQ
from effq_core.models.samples import samples_for
from effq_core.photos.decode import Pixels
from effq_core.photos.image_input import ImageInput
from effq_core.photos.uploads import MAX_UPLOAD_MIB, UPLOAD_TYPES, read_sample, read_upload
from pages.ui.common.choose import Source
from pages.ui.common.remembered import remembered
from pages.ui.common.show import escape, problem
from pages.ui.common.uploaded import forget_photo, holds, no_room
from pages.ui.layers.source import Known
from pages.ui.results import cache as results_cache
from pages.ui.results.photos import photos_of

_CHANGED, _SAMPLE, _UPLOAD = "A photo whose answer changed", "A sample", "Your photo"
_SOURCE, _UPLOADER = "layers_photo_source", "layers_upload"
_MOST_OFFERED = 200


@dataclass(frozen=True, eq=False)
class Chosen:
    """A photo as the models see it, what it shows, and whether a visitor brought it."""

    name: str
    pixels: Pixels
    is_own: bool = False


def choose_photo(known: Known) -> Chosen | None:
    """Asks for a photo whose answer changed, a sample or an upload; says why one cannot be read."""
    changed = results_cache.changed(known.source, BASELINE, PTQ)
    refused: EffqError | None = None
    if changed:
        try:
            photos_of(known.source)
        except EffqError as error:
            refused, changed = error, ()
    offered = [*([_CHANGED] if changed else []), _SAMPLE, _UPLOAD]
    if st.session_state.get(_SOURCE) not in offered:
        st.session_state[_SOURCE] = offered[0]
    wanted = st.radio("Photo", offered, key=_SOURCE)
    if refused is not None:
        st.caption(f"{escape(refused.message)} Choose a sample or upload a photo.")
    if wanted == _CHANGED:
        return _of_run(known.source)
    entry = known.source.results.image_input
    return _sample(known.source, entry) if wanted == _SAMPLE else _own(entry)


def _of_run(source: Source) -> Chosen | None:
    found = results_cache.changed(source, BASELINE, PTQ)[:_MOST_OFFERED]
    place = st.selectbox(
        f"{fmt.counted(len(found), 'photo')}",
        range(len(found)),
        # Numbered: Streamlit tells options apart by what they are called.
        format_func=lambda i: f"{i + 1} · {found[i].first.label} → {found[i].second.label}",
        key=f"layers_flipped_{source.id}",
        help="float32's answer → int8's answer.",
    )
    each = found[place]
    truth = f"True class: {each.truth}" if each.truth is not None else "No label"
    st.caption(
        f"{escape(truth)} · confidence: float32 {escape(fmt.percent(each.first.confidence, 0))}, "
        f"int8 {escape(fmt.percent(each.second.confidence, 0))}"
    )
    try:
        return Chosen(each.first.label, photos_of(source).photo(each.row))
    except DatasetError as error:
        problem(error)
        return None


def _sample(source: Source, entry: ImageInput) -> Chosen:
    samples = {sample.name: sample for sample in samples_for(source.results.labels())}
    name = st.selectbox("Sample", list(samples), key="layers_sample")
    return Chosen(name, remembered(read_sample, samples[name].path, name, entry).pixels)


def _own(entry: ImageInput) -> Chosen | None:
    holding = st.session_state.get(_UPLOADER) is not None
    file = st.file_uploader(
        "Photo",
        type=UPLOAD_TYPES,
        max_upload_size=MAX_UPLOAD_MIB,
        key=_UPLOADER,
        disabled=not holding and no_room(MAX_UPLOAD_MIB),
        help="It stays in this server's memory until you remove it or leave the page, and is "
        "never written to disk.",
    )
    holds("layers", _UPLOADER, [file.file_id] if file else [])
    if file is None:
        forget_photo()
        return None
    try:
        pixels = read_upload(file.getvalue(), file.name, entry).pixels
    except DatasetError as error:
        problem(error)
        return None
    return Chosen("your photo", pixels, is_own=True)
