"""Twice as many variants, of few bits, break no plan, form, page, chart, table or report."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from effq_core.advise.recommend import Limits, recommend
from effq_core.api.charts import Charts
from effq_core.base.settings import Home
from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.cli.app import app
from effq_core.deliver.export_readme import readme
from effq_core.deliver.html_report import html_report
from effq_core.experiment import REFERENCE
from effq_core.experiment.variants import CATALOGUE, Ranges, Variant, standard
from effq_core.results import Results, access, load_reference
from tests.app.conftest import OpenView, open_view  # noqa: F401 - a fixture
from tests.results.run_variations import changed
from tests.variants.contract import check_variant

COLOURS = ("#7b3294", "#a6611a", "#018571", "#404040", "#ca0020")
SYMBOLS = ("star-triangle-up", "bowtie", "octagon", "diamond-tall", "y-up")


def _made(planner: Any, row: Variant) -> None:
    planner.quantize(row.name, "convert:float32", "calibrate")


def _trained(planner: Any, row: Variant) -> None:
    planner.finetune(row.training, fake_quant=True)
    planner.convert(f"convert:{row.name}", row.training, "qat")


def _rows() -> list[Variant]:
    made: dict[str, dict[str, Any]] = {
        "slim_int4": {"weight_bits": 4, "size_share": 0.12, "start_of": "int4", "trained": True},
        "searched": {"weight_bits": 4, "size_share": 0.16, "files": {"search.json": "bits."}},
        "searched_qat": {
            "weight_bits": 4, "size_share": 0.14, "needs": ("searched",), "trained": True,
        },
        "dynamic_int2": {"weight_bits": 2, "activation_bits": 32, "size_share": 0.1},
        "int3": {"weight_bits": 3, "size_share": 0.15, "is_on_request": True},
    }  # fmt: skip
    found = []
    for (name, own), colour, symbol in zip(made.items(), COLOURS, SYMBOLS, strict=True):
        words = name.replace("_", " ").capitalize()
        like = CATALOGUE["int8_qat" if own.get("trained") else "int8"]
        if like.trained:
            own |= {"training": f"finetune:{name}", "plan": _trained, "operators_of": ""}
        elif "activation_bits" in own:
            own |= {"ranges": Ranges.NONE, "is_integer": False, "plan": CATALOGUE["float16"].plan}
        else:
            own |= {"plan": _made}
        look = {"name": name, "title": words, "colour": colour, "symbol": symbol}
        found.append(
            replace(like, summary=f"{words}, as it is.", good_for=f"{words}.", **look, **own)
        )
    return found


@pytest.fixture
def seven(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(CATALOGUE, "_rows", dict(CATALOGUE._rows))
    rows = _rows()
    for row in rows:
        CATALOGUE.register(row)
    return [row.name for row in rows]


@pytest.fixture
def many(seven: list[str]) -> Results:
    """The reference run as if it had them, as good as int8 and as int8 QAT."""

    def add(plain: dict[str, Any]) -> None:
        for name in seven:
            like = plain["variants"]["int8_qat" if CATALOGUE[name].trained else "int8"]
            plain["variants"][name] = like | {"name": name, "title": CATALOGUE[name].title}
        plain["experiment"]["variants"] = [n for n in CATALOGUE if n in plain["variants"]]

    return changed(load_reference(), add)


def test_each_keeps_the_contract(seven: list[str], tmp_path: Path) -> None:
    for name in seven:
        check_variant(CATALOGUE[name], Home(tmp_path))
    few = [name for name in CATALOGUE if name in seven and not CATALOGUE[name].is_control]
    assert few == ["searched", "searched_qat", "slim_int4", "int3", "dynamic_int2"]
    assert [*standard()][-4:] == [name for name in few if name != "int3"]


def test_the_form_and_the_command_line_offer_them(
    seven: list[str],
    tmp_path: Path,
    open_view: OpenView,  # noqa: F811
) -> None:
    page = open_view(tmp_path, "experiment")
    assert not page.exception
    assert {f"exp_variant_{name}" for name in seven} <= {box.key for box in page.checkbox}


def test_charts_have_room_for_them(many: Results) -> None:
    for against in Against:
        figure = tradeoff(many, against)
        rows = sorted(note.y for note in figure.layout.annotations)
        low, high = figure.layout.yaxis.range
        pixels = (figure.layout.height - 90) / (high - low)
        assert len(rows) == len(many.variants)
        assert min(b - a for a, b in pairwise(rows)) * pixels > 14, "labels touch"
    charts = Charts(many)
    for name in ("sizes", "differences", "latency", "speed_by_threads", "confidence", "training"):
        drawn = getattr(charts, name)().to_json()
        assert CATALOGUE["slim_int4"].title in drawn, name


def test_what_is_said_and_written_of_a_run_has_them(many: Results) -> None:
    assert recommend(many, Limits(threads=1))
    report, text = html_report(many, "many"), readme(many)
    for name in CATALOGUE:
        if name in many.variants:
            assert CATALOGUE[name].title in report and f"| {name} |" in text


@pytest.mark.parametrize(
    "view", ["overview", "results", "learn", "layers", "predictions", "library"]
)
def test_pages_show_a_run_that_has_them(
    view: str,
    many: Results,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_view: OpenView,  # noqa: F811
) -> None:
    monkeypatch.setattr(access, "_read", lambda path: many.plain)
    page = open_view(tmp_path, view, REFERENCE)
    assert not page.exception and not page.error, [each.value for each in page.error]


def test_the_command_line_shows_a_run_that_has_them(
    many: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_read", lambda path: many.plain)
    shown = CliRunner().invoke(app, ["show", REFERENCE])
    assert shown.exit_code == 0
    assert [
        row.title
        for row in CATALOGUE.values()
        if row.name in many.variants
        if row.title not in shown.output
    ] == []
