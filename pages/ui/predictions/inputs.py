"""How photos reach the page: uploaded, pasted, from the camera, or a sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.models.samples import Sample, samples_for
from effq_core.photos.image_input import ImageInput
from effq_core.photos.uploads import (
    MAX_PHOTOS,
    MAX_UPLOAD_MIB,
    UPLOAD_TYPES,
    Photo,
    read_sample,
    read_upload,
    shown_name,
)
from pages.ui.common.show import button, escape
from pages.ui.common.uploaded import free, no_room

# A pasted picture becomes a file of the page's own uploader, so that it goes the same way as every
# other upload, with the same protection and the same bounds. Nothing a visitor gives is put into
# this script.
_SCRIPT = """
let listening = null;

export default function ({ data }) {
  if (listening) document.removeEventListener("paste", listening);
  const listener = (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    const images = pasted.filter((file) => file.type.startsWith("image/"));
    const input = document.querySelector(`.st-key-${data.uploader} input[type="file"]`);
    if (images.length === 0 || !input || input.disabled) return;
    event.preventDefault();
    const files = new DataTransfer();
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
    images.forEach((file, number) => {
      // Browsers call every pasted picture image.png.
      const name = file.name === "image.png" ? `pasted-${time}-${number + 1}.png` : file.name;
      files.items.add(new File([file], name, { type: file.type }));
    });
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("paste", listener);
  listening = listener;
  return () => {
    document.removeEventListener("paste", listener);
    if (listening === listener) listening = null;
  };
}
"""

_listen = st.components.v2.component("effq_paste", js=_SCRIPT)


def take_pasted_photos(uploader: str) -> None:
    """Hands photos pasted anywhere on the page to the uploader of this key."""
    _listen(key="predictions_paste", data={"uploader": uploader}, height=1)


_UPLOADER = "predictions_upload"
_CURRENT, _KEPT = "_predictions_current", "_predictions_kept"


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """A photo as it was given, not yet read: a file's content, or a sample."""

    id: str
    name: str
    data: bytes = b""
    sample: Sample | None = None

    def read(self, entry: ImageInput) -> Photo:
        """Reads it for a model that takes this of a photo."""
        if self.sample is not None:
            return read_sample(self.sample.path, self.name, entry)
        return read_upload(self.data, self.name, entry)


def given_photos(labels: Sequence[str]) -> list[Given]:
    """Draws the ways to give photos, and names those beyond :data:`MAX_PHOTOS`: left out."""
    kept = _kept()
    left, right = st.columns([3, 2], gap="large")
    with left:
        uploaded = _uploads()
    with right:
        by_name = {sample.name: sample for sample in samples_for(labels)}
        chosen = st.pills(
            "Or try a sample",
            list(by_name),
            selection_mode="multi",
            key="predictions_samples",
            wrap=True,
            help="Public-domain photos that come with EffQ Studio.",
        )
        samples = [Given(id=f"sample:{name}", name=name, sample=by_name[name]) for name in chosen]
        shot = _camera()
        take_pasted_photos(_UPLOADER)  # draws nothing
    # What cannot be read needs not be kept: the server takes larger files on another page.
    most = MAX_UPLOAD_MIB * 2**20
    kept_now = [each for each in (*uploaded, *shot) if len(each.data) <= most]
    st.session_state[_CURRENT] = kept_now[:MAX_PHOTOS]
    with left:
        kept = _offer_to_clear(kept)
    given = [*kept, *uploaded, *shot, *samples]
    _name_those_beyond(given[MAX_PHOTOS:])
    return given[:MAX_PHOTOS]


def _kept() -> list[Given]:
    kept: list[Given] = st.session_state.get(_KEPT, [])
    if _UPLOADER not in st.session_state:
        # Streamlit forgets a page's widgets when it is left; the photos need not go with them.
        kept = [*kept, *st.session_state.pop(_CURRENT, [])]
        free([each.id for each in kept[:-MAX_PHOTOS]])
        kept = kept[-MAX_PHOTOS:]
        st.session_state[_KEPT] = kept
    return kept


def _offer_to_clear(kept: list[Given]) -> list[Given]:
    if not kept:
        return kept
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{fmt.counted(len(kept), 'photo')} from your last visit to this page.")
        if button("Remove", "delete", "predictions_clear", type="tertiary"):
            free([each.id for each in kept])
            st.session_state[_KEPT] = []
            st.rerun()
    return kept


def _uploads() -> list[Given]:
    # Who has sent some can still take them away.
    holding = bool(st.session_state.get(_UPLOADER))
    files = st.file_uploader(
        f"Photos, up to {MAX_PHOTOS}: drop them here, choose them, or paste one",
        type=UPLOAD_TYPES,
        accept_multiple_files=True,
        max_upload_size=MAX_UPLOAD_MIB,
        key=_UPLOADER,
        disabled=no_room(MAX_UPLOAD_MIB, holding=holding),
        help="They stay in this server's memory until you remove them or close this tab; they are "
        "never stored and nobody else sees them.",
    )
    return [Given(id=file.file_id, name=file.name, data=file.getvalue()) for file in files]


def _camera() -> list[Given]:
    wanted = st.toggle(
        "Use the camera",
        key="predictions_camera_on",
        help="Browsers allow it only on this computer (localhost) or over https.",
    )
    if not wanted:
        return []
    shot = st.camera_input("Camera", key="predictions_camera", label_visibility="collapsed")
    return [Given(id=shot.file_id, name="camera.jpg", data=shot.getvalue())] if shot else []


def _name_those_beyond(beyond: Sequence[Given]) -> None:
    if beyond:
        names = ", ".join(escape(shown_name(each.name)) for each in beyond[:MAX_PHOTOS])
        st.warning(
            f"Only {MAX_PHOTOS} photos are answered at a time. Left out: {names}.",
            icon=":material/filter_none:",
        )
