"""The Layers page on a real look into the layers: every part."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data
from streamlit.testing.v1 import AppTest

from effq_core.layers.access import EFFECT
from pages.ui.layers import photo as layers_photo
from tests.app.conftest import OpenView, words


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_damaged_evidence_is_said_and_hides_nothing_that_needs_none(
    open_view: OpenView, copied: Path, layered_run: Any
) -> None:
    [path] = (copied / "artifacts" / EFFECT).glob("*/effect.json")
    path.write_bytes(b"{" * path.stat().st_size)  # of the same length: found by reading it only
    app = open_view(copied, "layers", layered_run.run.id)
    assert not app.exception
    [error] = app.error
    assert "effects in" in error.value
    assert "effq doctor --repair" in error.value
    assert "Rescue int8" in [each.value for each in app.subheader]


def test_one_sentence_tells_the_loss_and_who_does_it(layers: AppTest) -> None:
    assert not layers.exception
    assert not layers.error
    text = words(layers)
    assert "On 60 photos int8" in text
    assert "16 calibration photos" in text
    assert "mnat of KL" in text


def test_the_worst_block_is_shown_first_and_another_can_be_chosen(layers: AppTest) -> None:
    ranking = layers.dataframe[0].value
    assert layers.selectbox(key="layers_block").value == ranking["name"].iloc[0]
    assert list(ranking["only"]) == sorted(ranking["only"], reverse=True)
    before = metrics(layers)
    layers.selectbox(key="layers_block").set_value("stem").run()
    assert not layers.exception
    assert metrics(layers)["SQNR in"] == "no loss"  # both models get the same photo
    assert metrics(layers) != before
    assert "Stem" in next(part.value for part in layers.subheader if "stem" in part.value)


def test_every_measure_can_colour_the_network(layers: AppTest) -> None:
    for criterion in ("gain", "sqnr", "clipped", "spread"):
        layers.selectbox(key="layers_criterion").set_value(criterion).run()
        assert not layers.exception, criterion
        assert not layers.error, criterion


def test_an_operator_shows_its_grid_its_channels_and_its_maps(layers: AppTest) -> None:
    layers.selectbox(key="layers_block").set_value("block1a").run()
    operator = next(box for box in layers.selectbox if box.label == "Operator")
    assert "convolution" in operator.options[0]
    text = words(layers)
    assert "of the range used" in text
    assert "Output of block1a" in text.replace("\\", "")
    assert not layers.error


def test_a_sample_photo_is_followed_through_both_models(layers: AppTest) -> None:
    layers.radio(key="layers_photo_source").set_value("A sample").run()
    layers.slider(key="layers_threshold").set_value(30.0).run()
    assert not layers.exception
    text = words(layers)
    assert "They diverge at" in text
    layers.button(key="layers_goto").click().run()
    assert layers.selectbox(key="layers_block").value in text.replace("\\", "")
    layers.slider(key="layers_threshold").set_value(0.0).run()
    assert "The SQNR stays above 0.0 dB" in words(layers).replace("\\", "")


def test_what_a_photo_of_ones_own_gives_is_nobody_elses_and_gone_with_it(
    open_view: OpenView, copied: Path, layered_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_view(copied, "layers", layered_run.run.id)
    content = io.BytesIO()
    Image.fromarray(data.coffee()).save(content, "JPEG")
    app.radio(key="layers_photo_source").set_value("Your photo").run()
    for shared in ("_trace", "_output"):  # what all visitors get
        monkeypatch.delattr(layers_photo, shared)
    app.file_uploader(key="layers_upload").set_value(
        [("coffee.jpg", content.getvalue(), "image/jpeg")]
    ).run()
    assert not app.exception and not app.error
    assert "Both predict" in words(app) or "float32 predicts" in words(app)
    kept = app.session_state["layers_my_photo"]
    assert set(kept) == {"trace", "output"}
    before = kept["output"]
    channels = app.multiselect(key=next(
        box.key for box in app.multiselect if str(box.key).startswith("layers_channels_")
    ))  # fmt: skip
    channels.set_value(channels.value[:1]).run()
    assert not app.exception
    kept = app.session_state["layers_my_photo"]
    assert kept["output"] is before and set(kept) == {"trace", "output", "channels"}
    app.switch_page("pages/views/library.py").run()
    assert "layers_my_photo" not in app.session_state
