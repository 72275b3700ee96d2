"""The Layers page: every part on a real look into the layers, and what it says where one lacks."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import MIXED
from effq_core.layers.access import EFFECT, SIGNAL, SUGGEST
from effq_core.layers.trial_record import Suggestion, TrialRecord
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import Status
from pages.ui.layers import photo as layers_photo
from tests.app.conftest import OpenView, words


@pytest.fixture
def copied(layered_run: Any, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    shutil.copytree(layered_run.home.root, home)
    return home


@pytest.fixture
def without(copied: Path) -> Path:
    """A store whose runs nobody has looked into."""
    for kind in (SIGNAL, EFFECT):
        shutil.rmtree(copied / "artifacts" / kind)
    return copied


def asked_for(home: Path, run_id: str) -> Experiment:
    database = Database(home / "effq.sqlite3")
    try:
        return Experiment.from_dict(database.get_run(run_id).experiment)
    finally:
        database.close()


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


# Without evidence


def test_a_run_nobody_has_looked_into_offers_to_with_its_time(
    open_view: OpenView, without: Path, tiny_run: Any, started: list[str]
) -> None:
    app = open_view(without, "layers", tiny_run.run.id)
    assert not app.exception
    assert "This run's layers have not been analysed yet" in words(app)
    assert "cached" in words(app)
    app.number_input(key="layers_images").set_value(20)
    app.number_input(key="layers_budget").set_value(60)
    app.run()
    app.button(key="layers_look").click().run()
    assert not app.exception
    (run_id,) = started
    experiment = asked_for(without, run_id)
    assert experiment == replace(tiny_run.experiment, layers=experiment.layers)
    assert experiment.layers is not None
    assert (experiment.layers.images, experiment.layers.budget_seconds) == (20, 60)
    assert run_id in app.query_params["look"]
    assert "Starting" in str(app.main) or app.button(key="do_cancel")


def test_a_click_soon_after_a_number_was_typed_looks_with_that_number(
    open_view: OpenView, without: Path, tiny_run: Any, started: list[str]
) -> None:
    app = open_view(without, "layers", tiny_run.run.id)
    app.number_input(key="layers_images").set_value(20)
    app.number_input(key="layers_budget").set_value(60)
    app.button(key="layers_look").click().run()  # without the page being drawn in between
    assert not app.exception
    experiment = asked_for(without, started[0])
    assert experiment.layers is not None
    assert (experiment.layers.images, experiment.layers.budget_seconds) == (20, 60)


def test_a_run_under_way_is_followed_without_being_asked_for(
    open_view: OpenView, without: Path, layered_run: Any, tiny_run: Any
) -> None:
    database = Database(without / "effq.sqlite3")
    database.create_run(layered_run.experiment, "somebody else's")
    database.close()
    app = open_view(without, "layers", tiny_run.run.id)
    assert not app.exception
    assert app.button(key="do_cancel")
    assert not [button for button in app.button if button.key == "layers_look"]
    # What leads away from the run belongs to the page of experiments.
    assert not [button for button in app.button if button.key in ("do_change", "do_new")]


def test_a_look_that_failed_says_why_and_can_be_closed(
    open_view: OpenView, without: Path, layered_run: Any, tiny_run: Any
) -> None:
    database = Database(without / "effq.sqlite3")
    run_id = database.create_run(layered_run.experiment, "broken")
    database.set_status(run_id, Status.RUNNING)
    database.set_status(run_id, Status.FAILED, error="The disk is full.", hint="Free some space.")
    database.close()
    app = open_view(without, "layers")
    app.query_params["run"] = tiny_run.run.id
    app.query_params["look"] = run_id
    app.run()
    assert "The disk is full" in words(app)
    app.button(key="layers_dismiss").click().run()
    assert "look" not in app.query_params
    assert "have not been analysed yet" in words(app)


def test_an_address_that_names_no_run_is_ignored(
    open_view: OpenView, without: Path, tiny_run: Any
) -> None:
    app = open_view(without, "layers")
    app.query_params["run"] = tiny_run.run.id
    app.query_params["look"] = "<script>"
    app.run()
    assert not app.exception
    assert "script" not in words(app)


def test_the_reference_run_says_that_its_photos_do_not_ship(
    open_view: OpenView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("effq_core.layers.access.REFERENCE_LAYERS", tmp_path / "none")
    app = open_view(tmp_path / "home", "layers", "reference")
    assert not app.exception
    assert "its photos do not come with EffQ" in words(app)


def test_the_reference_run_shows_what_ships_and_offers_remedies_on_a_run_of_ones_own(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path / "home", "layers", "reference")
    assert not app.exception
    said = words(app).replace("\\", "")
    assert "On 1,966 photos int8 is worse than float32 by 0.2 points" in said
    assert "cause only 46 % of the change (23 blocks, each alone in int8" in said
    assert "Choose another run above to try them" in said
    assert "Rescue int8" not in said
    assert not [button for button in app.button if button.key and "mix" in button.key]

    ranked = app.segmented_control(key="layers_inside")
    ranked.set_value("Same part of all").run()
    assert not app.exception
    parts = list(app.dataframe[0].value["name"])
    assert parts == ["residuals", "depthwise", "squeeze_excite"]


def test_a_run_without_int8_says_that_one_is_made_first(
    open_view: OpenView, tiny_run: Any, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = {"float32": tiny_run.results.variants["float32"]}
    results = replace(tiny_run.results, variants=floats, folder=copied / "artifacts")
    monkeypatch.setattr("pages.ui.common.session.results_of", lambda run: results)
    app = open_view(copied, "layers", tiny_run.run.id)
    assert not app.exception
    assert "no int8 file" in words(app)
    assert app.button(key="layers_look")


# With evidence


@pytest.fixture
def layers(open_view: OpenView, layered_run: Any) -> AppTest:
    return open_view(layered_run.home.root, "layers", layered_run.run.id)


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


def test_a_mixed_file_that_was_made_offers_its_recipe_and_its_results(layers: AppTest) -> None:
    text = words(layers).replace("\\", "")
    assert "block1a kept in float16" in text
    assert [button.label for button in layers.get("download_button")] == ["recipe.json"]


def test_blocks_chosen_by_hand_are_asked_for_with_the_look_there_was(
    open_view: OpenView, copied: Path, layered_run: Any, started: list[str]
) -> None:
    app = open_view(copied, "layers", layered_run.run.id)
    app.button_group(key="layers_way").set_value("I choose the blocks").run()
    chosen = next(box for box in app.multiselect if box.label == "Keep in floats")
    assert chosen.value  # at first those that carry most
    chosen.set_value(["stem", "block2a"])
    app.radio(key="layers_precision").set_value("float32")
    app.button(key="layers_mix").click().run()  # without the page being drawn in between
    assert not app.exception
    experiment = asked_for(copied, started[0])
    assert experiment.mixed is not None
    assert experiment.mixed.keep == ("block2a", "stem")
    assert experiment.mixed.precision is Precision.FLOAT32
    assert experiment.layers == layered_run.experiment.layers
    assert MIXED in experiment.variants


def test_a_suggestion_is_asked_for_within_limits(
    open_view: OpenView, copied: Path, layered_run: Any, started: list[str]
) -> None:
    app = open_view(copied, "layers", layered_run.run.id)
    app.number_input(key="layers_drop").set_value(0.5)
    app.number_input(key="layers_extra").set_value(20.0)
    app.number_input(key="layers_ratio").set_value(1.5)
    app.button(key="layers_mix").click().run()  # without the page being drawn in between
    mixed = asked_for(copied, started[0]).mixed
    assert mixed is not None
    assert mixed.is_suggested
    assert (mixed.max_drop_points, mixed.max_extra_size, mixed.max_latency_ratio) == (0.5, 20, 1.5)


def test_trials_are_listed_with_the_reason_each_was_refused(
    open_view: OpenView, copied: Path, layered_run: Any
) -> None:
    _keep_trials(copied, layered_run)
    app = open_view(copied, "layers", layered_run.run.id)
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "why" in frame.value)
    assert list(table["standing"]) == ["▲ int8", "★ chosen"]
    assert list(table["why"]) == ["it loses too much", "–"]
    assert "block1a is kept." in words(app).replace("\\", "")


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


def _keep_trials(home: Path, run: Any) -> None:
    """Keeps a search whose two trials are the run's own int8 and mixed files."""
    results = run.results
    int8 = results.variants["int8"]

    def trial(name: str, keep: tuple[str, ...], why: str) -> TrialRecord:
        found = results.variants[name]
        return TrialRecord(
            keep=keep,
            precision=Precision.FLOAT16,
            size_bytes=found.file.size_bytes,
            extra_size=100 * (found.file.size_bytes / int8.file.size_bytes - 1),
            n=found.accuracy.n,
            top1=found.accuracy.top1,
            drop_points=-found.comparison.difference_points,
            agreement=found.comparison.agreement,
            kl=found.comparison.kl,
            latency_ms=found.timing(1).median_ms,
            int8_ms=int8.timing(1).median_ms,
            float32_ms=results.baseline.timing(1).median_ms,
            busy=False,
            ok=not why,
            why=why,
        )

    suggestion = Suggestion(
        trials=(trial("int8", (), "it loses too much"), trial(MIXED, ("block1a",), "")),
        chosen=1,
        met=True,
        labelled=True,
        float32_top1=results.baseline.accuracy.top1,
        float32_bytes=results.baseline.file.size_bytes,
        max_drop_points=0.2,
        max_extra_size=15.0,
        max_latency_ratio=None,
        complete=True,
        seconds=1.0,
        sentence="block1a is kept.",
    )
    addresses = {name: results.variants[name].artifact for name in ("float32", "int8")}
    addresses["float32_answers"] = results.baseline.predictions
    sources = {
        name: dict(zip(("stage", "fingerprint"), address.split("/"), strict=True))
        for name, address in addresses.items()
    }
    store = ArtifactStore(Home(home))
    with store.create(SUGGEST, "b" * 64, inputs={"params": {}, "inputs": sources}) as draft:
        suggestion.save(draft.path)
