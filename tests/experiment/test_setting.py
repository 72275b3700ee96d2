"""A setting described once appears everywhere: a toy part's, and every one there is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import typer
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from effq_core.base.errors import ExperimentError
from effq_core.cli import choices
from effq_core.cli.app import app
from effq_core.cli.setting_options import option, parameter, several, with_options
from effq_core.experiment import Experiment
from effq_core.experiment.setting import Axis, Described, Use, setting, titles, walk
from effq_core.sweeps import sweep

NOT_ASKED = {
    "calibration": "a part: its settings are asked for",
    "qat": "a part: its settings are asked for",
    "low_bits": "a part: its settings are asked for",
    "mixed": "a part: asked for by the variant int8_mixed",
    "fitted": "a part: asked for by the variant fitted",
    "common_seed": "sweeps set it",
    "sitting": "--remeasure counts it",
    "files_of": "`effq evaluate` sets it",
}
"""What has no option of its own, and why."""
SETTINGS = {each.path: each for each in walk(Experiment)}
ASKED = sorted(SETTINGS.keys() - NOT_ASKED.keys())


class Order(StrEnum):
    SMALLEST = "smallest_first"
    LARGEST = "largest_first"


@dataclass(frozen=True, kw_only=True)
class Pruning(Described):
    PANEL = "Pruning"

    share: float = setting(
        0.5,
        noun="pruned share",
        title="Pruned weights",
        help="How many weights become zero.",
        bounds=(0.0, 0.9),
        step=0.05,
        digits=2,
        option="--pruned-share",
        use=Use(why="nothing is pruned", remedy="Prune"),
        axis=Axis(
            name="pruned_shares", title="pruned shares", words=lambda share: f"{share} pruned"
        ),
    )
    order: Order = setting(
        Order.SMALLEST,
        noun="order of pruning",
        title="Order",
        help="Which go first.",
        choices=titles(Order, "Smallest first", "Largest first"),
        option="--pruning-order",
    )
    layers: tuple[str, ...] = setting(
        (), noun="pruned layer", title="Layers", option="--pruned-layers"
    )


@dataclass(frozen=True, kw_only=True)
class Pruned(Experiment):
    pruning: Pruning | None = setting(None, noun="pruning", omitted=True)


TOYS = [each for each in walk(Pruned) if each.part == "pruning"]


def test_a_new_part_is_in_json_only_where_it_is_asked_for() -> None:
    assert Pruned().canonical_json() == Experiment().canonical_json()
    asked = Pruned().changed({"pruning.order": "largest_first", "pruning.layers": ["b", "a", "b"]})
    assert asked.pruning == Pruning(order=Order.LARGEST, layers=("a", "b"))
    plain = asked.to_dict()
    assert plain["pruning"] == {"share": 0.5, "order": "largest_first", "layers": ["a", "b"]}
    assert Pruned.from_dict(plain) == asked
    assert Pruned.from_dict({"pruning": {}}).pruning == Pruning()
    with pytest.raises(ExperimentError, match="Unknown setting of Pruning: shares"):
        Pruned.from_dict({"pruning": {"shares": 0.5}})
    with pytest.raises(ExperimentError, match="Unknown setting of Experiment: pruning"):
        Experiment.from_dict(plain)


def test_a_part_about_a_variant_is_there_with_it_and_only_then() -> None:
    @dataclass(frozen=True, kw_only=True)
    class About(Experiment):
        pruning: Pruning | None = setting(None, noun="pruning", variant="int8_qat", omitted=True)

    given = Pruning(share=0.25)
    assert About(variants=("int8",), pruning=given).pruning is None
    assert About(variants=("int8_qat",)).pruning == Pruning()
    assert About(variants=("int8_qat",), pruning=given).pruning == given
    own = [each for each in walk(About) if each.part == "pruning"]
    assert own and {each.variant for each in own} == {"int8_qat"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("share", 0.95, r"The pruned share is 0.95. Choose from 0.0 to 0.9"),
        ("share", "half", "The pruned share is 'half'. Give a number"),
        ("order", "random", "'random' is not an order of pruning. Choose from: smallest_first, la"),
        ("layers", "stem", "The pruned layers are 'stem'. Give a list"),
        ("layers", [""], "A pruned layer is ''. Give its name"),
        ("layers", [str(each) for each in range(1001)], "1,001 pruned layers are too many"),
    ],
)
def test_its_values_are_checked(name: str, value: Any, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        Pruned().changed({f"pruning.{name}": value})


def test_a_path_that_leads_nowhere_is_no_choice() -> None:
    for path in ("nothing.share", "pruning.nothing", "nothing"):
        with pytest.raises((AttributeError, TypeError)):
            Pruned().changed({path: 0.5})


def test_its_options_are_on_the_command_line() -> None:
    seen: dict[str, Any] = {}

    @with_options(lambda: [*map(option, TOYS), several(SETTINGS["seed"], "Varies")])
    def prune(name: str = "", **chosen: Any) -> None:
        """Prune."""
        seen.update(chosen, name=name)

    toy = typer.Typer()
    toy.command()(prune)
    runner = CliRunner()
    shown = runner.invoke(toy, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
    for each in TOYS:
        assert each.option in shown and each.help in shown
    assert "0 to 0.9." in shown and "smallest_first|largest_first" in shown
    assert "Pruning" in shown and "--seed" in shown

    words = ["--pruned-share", "0.25", "--pruned-layers", "a,b", "--pruned-layers", "c"]
    assert runner.invoke(toy, [*words, "--seed", "1,2", "--name", "x"]).exit_code == 0
    read = {
        each.path: choices.parse_values(each, seen[parameter(each)])
        for each in TOYS
        if seen[parameter(each)]
    }
    assert read == {"pruning.share": (0.25,), "pruning.layers": ("a", "b", "c")}
    assert choices.parse_values(SETTINGS["seed"], seen["seed"]) == (1, 2) and seen["name"] == "x"
    assert runner.invoke(toy, ["--pruning-order", "random"]).exit_code == 2


def test_its_widgets_are_drawn() -> None:
    def form() -> None:
        import streamlit as st

        from effq_core.experiment.setting import settings
        from pages.ui.common.ask import ask, cells
        from tests.experiment.test_setting import Pruning

        for each, cell in zip(settings(Pruning), cells(2), strict=False):
            usual = {"value": each.default} if each.bounds else {}
            st.session_state[f"got_{each.name}"] = ask(each, f"toy_{each.name}", cell, **usual)

    drawn = AppTest.from_function(form).run()
    assert not drawn.exception
    share, order = drawn.number_input(key="toy_share"), drawn.selectbox(key="toy_order")
    assert (share.label, share.value, share.min, share.max) == ("Pruned weights", 0.5, 0.0, 0.9)
    assert order.options == ["Smallest first", "Largest first"]
    order.set_value("largest_first")
    drawn.text_input(key="toy_layers").set_value("a").run()
    assert drawn.session_state["got_order"] == "largest_first"


def test_it_can_be_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sweep.AXES, "pruned_shares", TOYS[0])
    asked = sweep.Sweep(base=Pruned(), pruned_shares=(0.5, 0.25), seeds=(1, 2))
    assert [member.label for member in asked.members()] == [
        f"seed {seed}, {share} pruned" for seed in (1, 2) for share in (0.25, 0.5)
    ]
    assert asked.members()[0].experiment.pruning == Pruning(share=0.25)
    assert asked.to_dict()["pruned_shares"] == [0.25, 0.5]
    assert sweep.label_of(asked) == "2 seeds × 2 pruned shares"


@pytest.mark.parametrize("path", ASKED)
def test_every_setting_is_an_option_and_documented(path: str) -> None:
    each: Any = SETTINGS[path]
    command: Any = typer.main.get_command(app)
    options = {name for one in command.commands["run"].params for name in one.opts}
    assert each.option in options and each.help and each.noun and each.panel
    text = (Path(__file__).parents[2] / "docs/guide/command-line.md").read_text("utf-8")
    assert re.search(rf"`{each.option}`", text)


def test_every_axis_is_an_option_of_a_sweep_and_documented() -> None:
    command: Any = typer.main.get_command(app)
    options = {name for one in command.commands["sweep"].params for name in one.opts}
    text = (Path(__file__).parents[2] / "docs/guide/sweeps.md").read_text("utf-8")
    for each in sweep.AXES.values():
        assert {each.option, each.axis.option or each.option} <= options
        assert f"`{each.option}`" in text


def test_what_is_not_asked_for_is_there() -> None:
    assert NOT_ASKED.keys() <= SETTINGS.keys()
    assert not [path for path in NOT_ASKED if SETTINGS[path].option]
