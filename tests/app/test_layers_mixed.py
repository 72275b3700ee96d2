"""Blocks kept in floats: chosen by hand, looked for within limits, and the trials of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import MIXED
from effq_core.layers.access import SUGGEST
from effq_core.layers.trial_record import Suggestion, TrialRecord
from effq_core.store.artifacts import ArtifactStore
from tests.app.conftest import OpenView, asked_for, words


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
