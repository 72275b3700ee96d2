"""The Learn page: every part on real tensors, and what it says where something is missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from effq_core.learn.access import find_tensors
from effq_core.learn.tensors import ARRAYS_FILE, Tensors
from effq_core.results import load_reference
from effq_core.store.manifest import MANIFEST
from tests.app.conftest import OpenView, words

PARTS = {
    "weights": "What happens when a weight gets only n bits?",
    "ranges": "Why can more calibration photos make int8 worse?",
    "rounding": "Ranges, rounding, training: what decides at 8, 4 and 2 bits?",
    "fake-quant": "How can a network train through rounding?",
    "training": "What does int8 lose, and what recovers it?",
}


def go(app: AppTest, part: str) -> AppTest:
    app.query_params["part"] = part
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.fixture
def learn(open_view: OpenView, tmp_path: Path) -> AppTest:
    """The page on an empty store: the reference run is there."""
    return open_view(tmp_path, "learn")


@pytest.fixture
def copied(tiny_run: Any, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    shutil.copytree(tiny_run.home.root, home)
    return home


@pytest.mark.parametrize("part", PARTS)
def test_every_part_asks_its_question_and_answers_it_on_an_empty_store(
    learn: AppTest, part: str
) -> None:
    app = go(learn, part)
    assert not app.exception
    assert not app.error
    assert [each.value for each in app.subheader] == [PARTS[part]]
    assert app.selectbox[0].value == "reference"


def test_an_unknown_part_of_an_address_shows_the_first(learn: AppTest) -> None:
    app = go(learn, "<script>")
    assert app.subheader[0].value == PARTS["weights"]
    assert "script" not in words(app)


def test_more_bits_raise_the_ratio_by_six_decibels_each(learn: AppTest) -> None:
    found = []
    for bits in (4, 5, 6):
        learn.slider(key="learn_bits").set_value(bits).run()
        found.append(float(metrics(learn)["SQNR of the layer"].removesuffix(" dB")))
    assert 4 < found[1] - found[0] < 8
    assert 4 < found[2] - found[1] < 8


def test_a_scale_a_channel_offers_single_channels_and_is_worth_decibels(learn: AppTest) -> None:
    before = metrics(learn)
    assert before["Median channel"]
    learn.button_group(key="learn_granularity").set_value("per channel").run()
    after = metrics(learn)
    assert not learn.exception
    assert after["SQNR of the layer"] == before["Per-channel scale"]
    assert after["Per-tensor scale"] == before["SQNR of the layer"]
    assert any(label.startswith("This channel, ") for label in after)
    channel = next(box for box in learn.selectbox if box.label == "Channel")
    assert "all channels" not in channel.options


def test_more_photos_widen_min_max_and_the_table_says_by_how_much(learn: AppTest) -> None:
    app = go(learn, "ranges")
    few = app.dataframe[0].value
    app.select_slider(key="learn_images").set_value(500).run()
    many = app.dataframe[0].value
    assert list(many["Method"]) == ["min-max", "moving average", "percentile"]
    assert few["Clipped"].iloc[0] != "0.000 %"
    assert many["Clipped"].iloc[0] == "0.000 %"
    steps = [float(table["Scale (step)"][0]) for table in (few, many)]
    assert steps[1] > 10 * steps[0]
    assert "Min-max falls from" in words(app)


def test_a_value_is_followed_through_fake_quant_and_clipped_at_the_end(learn: AppTest) -> None:
    app = go(learn, "fake-quant")
    assert metrics(app)["Gradient"] == "× 1"
    app.slider(key="learn_fake_value").set_value(200).run()
    found = metrics(app)
    assert found["Gradient"] == "× 0"
    assert found["Stored as"] == "3"  # the highest integer of 3 bits
    assert float(found["Out"]) < float(found["In"])
    app.slider(key="learn_fake_bits").set_value(8).run()
    assert metrics(app)["Stored as"] == "127"


def test_fewer_bits_lose_more_of_a_layers_output_and_gptq_less(learn: AppTest) -> None:
    app = go(learn, "rounding")
    lost = []
    for bits in (8, 4, 2):
        app.button_group(key="learn_rounded_bits").set_value(bits).run()
        found = metrics(app)
        lost.append([float(found[name].removesuffix(" %")) for name in _BY])
        assert f"With {bits} bits" in words(app)
    assert all(gptq < nearest for nearest, gptq in lost)
    assert lost == sorted(lost)


_BY = ("Error by nearest", "By GPTQ")


def test_a_run_of_eight_bits_says_how_to_see_rounding(open_view: OpenView, tiny_run: Any) -> None:
    app = go(open_view(tiny_run.home.root, "learn", tiny_run.run.id), "rounding")
    assert "Tick “int4”" in words(app) and not app.exception


def test_the_reference_runs_controls_are_set_against_each_other(learn: AppTest) -> None:
    text = words(go(learn, "training"))
    for question in ("What does quantizing lose?", "How much of that is quantization-awareness?"):
        assert question in text
    assert "p = 0.014" in text
    assert "Significant." in text
    assert "tick" not in text


def test_a_finished_run_shows_its_own_tensors_and_says_which_control_is_missing(
    open_view: OpenView, tiny_run: Any
) -> None:
    app = open_view(tiny_run.home.root, "learn", tiny_run.run.id)
    assert app.selectbox[0].value == tiny_run.run.id
    for part in PARTS:
        assert not go(app, part).exception, part
        assert not app.error, part
    assert "also tick “int8 float control”" in words(app)
    assert "20 calibration photos" in words(go(app, "ranges"))


def test_a_run_that_kept_no_tensors_says_how_to_add_them_and_still_shows_its_numbers(
    open_view: OpenView, tiny_run: Any, copied: Path
) -> None:
    shutil.rmtree(copied / "artifacts" / "tensors")
    app = open_view(copied, "learn", tiny_run.run.id)
    assert f"`effq resume {tiny_run.run.id}` adds them" in words(app)
    assert not app.exception
    assert "What does quantizing lose?" in words(go(app, "training"))


def test_a_run_without_calibration_says_so_where_it_matters(
    open_view: OpenView, tiny_run: Any, copied: Path
) -> None:
    folder = find_tensors(replace(tiny_run.results, folder=copied / "artifacts"))
    Tensors(Tensors.load(folder).layers, ()).save(folder)
    rewrite_sizes(folder)
    app = open_view(copied, "learn", tiny_run.run.id)
    assert app.metric
    for part in ("ranges", "fake-quant"):
        assert "This run has no calibration" in words(go(app, part))
        assert not app.error


def test_damaged_tensors_are_said_and_break_nothing_else(
    open_view: OpenView, tiny_run: Any, copied: Path
) -> None:
    folder = find_tensors(replace(tiny_run.results, folder=copied / "artifacts"))
    (folder / ARRAYS_FILE).write_bytes(b"x" * (folder / ARRAYS_FILE).stat().st_size)
    app = open_view(copied, "learn", tiny_run.run.id)
    assert not app.exception
    assert "cannot be read" in words(app)
    assert "What does quantizing lose?" in words(go(app, "training"))


def test_a_run_without_int8_offers_an_experiment(
    open_view: OpenView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = load_reference()
    few = {name: reference.variants[name] for name in ("float32", "float16")}
    monkeypatch.setattr(
        "pages.ui.common.session.load_reference", lambda: replace(reference, variants=few)
    )
    app = go(open_view(tmp_path, "learn"), "training")
    assert "This run has no int8 variant" in words(app)
    assert not app.exception


def rewrite_sizes(folder: Path) -> None:
    """Brings an artifact's manifest in line with files a test has replaced."""
    path = folder / MANIFEST
    plain = json.loads(path.read_text())
    for entry in plain["files"]:
        entry["size"] = (folder / entry["path"]).stat().st_size
    path.write_text(json.dumps(plain))
