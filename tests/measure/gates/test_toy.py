"""A gate from outside the package: in the report, on the page Results and in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from effq_core.base.settings import Home
from effq_core.cli.report import print_results
from effq_core.measure.gate import Evidence, judged
from effq_core.measure.gates import GATES, Gate, Rule
from effq_core.results import Results, load_reference
from tests.app.conftest import OpenView, open_view, words  # noqa: F401 - a fixture
from tests.pipeline.stages.report_inputs import Inputs
from tests.results.run_variations import changed, store_run

NAME = "small_enough"
SAID = "The file has 50 % of float32's bytes; at most 40 % may be."


def check(evidence: Evidence) -> Gate | None:
    if not evidence.variant.is_integer:
        return None
    share = evidence.file(evidence.variant.name).size_bytes / evidence.file("float32").size_bytes
    facts = {"share": share}
    return judged(NAME, passed=share < 0.4, value=share, limit=0.4, n=1, facts=facts)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Rule:
    rule = Rule(
        name=NAME,
        title="Small enough",
        purpose="A file that is hardly smaller is not worth its loss.",
        sentence=lambda share: (
            f"The file has {100 * share:.0f} % of float32's bytes; at most 40 % may be."
        ),
        of_file=check,
    )
    monkeypatch.setattr(GATES, "_rows", dict(GATES._rows))
    GATES.register(rule)
    return rule


@pytest.fixture
def results(toy: Rule) -> Results:
    """The reference run, whose int8 this gate finds too large."""
    gate = judged(NAME, passed=False, value=0.5, limit=0.4, n=1, facts={"share": 0.5})
    return changed(
        load_reference(),
        lambda plain: plain["variants"]["int8"]["gates"].append(
            json.loads(json.dumps(gate.to_dict()))
        ),
    )


@pytest.mark.usefixtures("toy")
def test_a_report_has_it_for_the_files_it_judges(tmp_path: Path) -> None:
    variants = Inputs(tmp_path).report()["variants"]
    found = {
        name: [gate for gate in values["gates"] if gate["name"] == NAME]
        for name, values in variants.items()
    }
    assert not found["float32"]
    for name, share in (("int8", 0.25), ("int8_qat", 1050 / 4000)):
        [gate] = found[name]
        assert gate["passed"] and gate["facts"] == {"share": share}


def test_the_terminal_and_the_warnings_tell_it(results: Results) -> None:
    console = Console(width=200, record=True)
    print_results(console, results)
    text = " ".join(console.export_text().split())
    assert f"Small enough ({NAME}). {SAID}" in text
    assert text.count(SAID) == 1
    assert any(SAID in warning.text and warning.variant == "int8" for warning in results.warnings)


def test_the_page_lists_it_first_with_its_purpose(
    results: Results,
    toy: Rule,
    open_view: OpenView,  # noqa: F811
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    app = open_view(home.root, "results", store_run(results, home, "toy"))
    shown = words(app.segmented_control(key="part").set_value("Checks").run()).replace("\\", "")
    for told in (toy.title, toy.purpose, SAID):
        assert told in shown
