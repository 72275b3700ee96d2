"""Pasting photos: Streamlit's uploader takes dragged and chosen files, but not pasted ones."""

import streamlit as st

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
