"""What reports, pages, command line, exports and documents need of every gate."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from effq_core.base.errors import ExperimentError, InputError
from effq_core.measure.gate import judged
from effq_core.measure.gates import GATES, Gate, Rule
from effq_core.results import load_reference
from tests.measure.gates.cases import CASES

SENTENCES = Path(__file__).with_name("sentences.json")


def told() -> dict[str, list[str]]:
    """Everything gates say, by rule: title, purpose, and a sentence for each case."""
    found = {
        name: [rule.title, rule.purpose]
        for name, rule in ((name, GATES[name]) for name in sorted(GATES))
    }
    for name, passed, facts in CASES:
        outcome = "passed" if passed else "failed"
        found[name].append(f"{outcome}: {GATES[name].sentence(**facts)}")
    return found


def is_well_said(text: str) -> bool:
    """Returns whether a text keeps to the rules of wording; names in quotes are as they are."""
    plain = re.sub(r"“[^”]*”", "it", text)
    sentences = re.split(r"(?<=[.?:]) ", plain)
    return (
        re.match(r"[A-Z0-9]|(float|int)\d", plain) is not None
        and text[-1] in ".?"
        and "_" not in plain
        and all(len(s.split()) <= 20 for s in sentences)
    )


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_gate_says_what_it_is_and_what_it_found(name: str) -> None:
    rule, own = GATES[name], [case for case in CASES if case[0] == name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert "_" not in rule.title + rule.heading and not rule.title.endswith(".")
    assert is_well_said(rule.purpose)
    assert (rule.of_file is None) is not (rule.of_samples is None)
    assert {passed for _, passed, _ in own} == {True, False}, "tests/measure/gates/cases.py"
    for _, passed, facts in own:
        gate = judged(name, passed=passed, value=1, limit=0, n=1, facts=facts)
        assert is_well_said(gate.text) and gate.detail == gate.text
        assert Gate.from_dict(json.loads(json.dumps(gate.to_dict()))) == gate


def test_wording_that_breaks_a_rule_is_seen() -> None:
    assert not is_well_said("The gate no_float failed.")
    assert not is_well_said(f"{'Word ' * 21}.")


def test_what_gates_say_is_what_was_agreed() -> None:
    """Rewrite with ``python -m tests.measure.gates.test_contract`` and read the difference."""
    assert told() == json.loads(SENTENCES.read_text(encoding="utf-8"))


def test_a_gate_that_is_not_there_is_refused_and_two_of_a_name_are() -> None:
    with pytest.raises(ExperimentError, match="no_such_gate") as refused:
        judged("no_such_gate", passed=True, value=1, limit=1, n=1, facts={})
    assert "no_float_tensors" in str(refused.value.hint)
    with pytest.raises(InputError, match="two gates"):
        GATES.register(GATES["no_float_tensors"])


def test_a_stored_gate_without_facts_shows_its_stored_words() -> None:
    for about, gate in load_reference().checks:
        assert gate.facts is None and gate.text == gate.detail
        assert gate.rule is GATES[gate.name], about


def test_a_gate_of_another_version_is_shown_as_it_was_stored() -> None:
    stored = {"name": "some_gate", "passed": False, "value": 1, "limit": 2, "n": 3, "detail": "So."}
    for facts in ({}, {"facts": {"unheard": 1}}):
        gate = Gate.from_dict(stored | facts)
        assert gate.text == "So." and gate.rule.heading == "some_gate"
        assert isinstance(gate.rule, Rule) and gate.name not in GATES


def test_facts_that_do_not_fit_their_rule_are_refused() -> None:
    plain = judged(*CASES[0][:1], passed=True, value=1, limit=0, n=1, facts=CASES[0][2]).to_dict()
    with pytest.raises(TypeError):
        Gate.from_dict(plain | {"facts": {"unheard": 1}})


if __name__ == "__main__":
    SENTENCES.write_text(json.dumps(told(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
