"""What is asked of fitted bits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.base.errors import ExperimentError
from effq_core.experiment import Experiment
from effq_core.experiment.fitted import Fitted


def test_named_widths_are_read_and_end_the_search() -> None:
    named = Fitted(widths=("block6a=2", "block5a=4"))
    assert named.named == {"block5a": 4, "block6a": 2} and not named.is_suggested
    assert Fitted(max_size=3500).is_suggested


@pytest.mark.parametrize("text", ["block6a", "block6a=3", "=4", "a=b=4", "block 6a=4"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ExperimentError, match="named width"):
        Fitted(widths=(text,))


def test_two_widths_of_one_block_are_refused() -> None:
    with pytest.raises(ExperimentError, match="two widths"):
        Fitted(widths=("block6a=2", "block6a=4"))


def test_they_are_part_of_an_experiment_with_the_variant_and_of_no_other() -> None:
    plain = Experiment(variants=("int8",))
    asked = replace(plain, variants=("int8", "fitted"), fitted=Fitted(max_size=3500))
    assert "fitted" not in plain.to_dict() and Experiment.from_dict(plain.to_dict()) == plain
    assert Experiment.from_dict(asked.to_dict()) == asked and asked.fitted.max_size == 3500
    assert replace(asked, variants=("int8",)).fitted is None
    assert replace(plain, variants=("fitted",)).fitted == Fitted()


def test_eight_bits_everywhere_is_int8() -> None:
    with pytest.raises(ExperimentError, match="that is int8"):
        Fitted(widths=("block6a=8", "head=8"))
    assert Fitted(widths=("block6a=8", "head=4")).named["head"] == 4
