"""How outputs of files people bring are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.measure.predictions import Predictions
from effq_core.models.file_input import ANSWERS_FILE, Answers, read_answers, write_answers


@pytest.mark.parametrize(
    ("answers", "outputs", "expected"),
    [
        (Answers(), [0.25], [0.75, 0.25]),
        (Answers(logit=True), [0.0], [0.5, 0.5]),
        (Answers(logit=True), [-1e6], [1.0, 0.0]),
        (Answers(background=0), [0.5, 0.2, 0.3], [0.2, 0.3]),
        (Answers(background=2), [0.5, 0.2, 0.3], [0.5, 0.2]),
        (Answers(), [0.5, 0.2, 0.3], [0.5, 0.2, 0.3]),
    ],
)
def test_outputs_become_one_value_a_class(
    answers: Answers, outputs: list[float], expected: list[float]
) -> None:
    found = answers.read(np.array(outputs, np.float32))
    np.testing.assert_allclose(found, np.array(expected, np.float32), rtol=1e-6, atol=1e-20)
    assert answers.classes(len(outputs)) == len(expected)


def test_only_what_is_unusual_is_written_beside_a_file(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    write_answers(path, Answers())
    assert list(tmp_path.iterdir()) == []
    for answers in (Answers(logit=True), Answers(background=0)):
        write_answers(path, answers)
        assert read_answers(path) == answers
    path.with_name(ANSWERS_FILE).write_text("{}")
    with pytest.raises(ModelError, match=f"^{ANSWERS_FILE} cannot be read"):
        read_answers(path)


def test_an_output_that_is_no_answer_is_never_the_best(tmp_path: Path) -> None:
    values = np.array([[0.6, 0.3, 0.1], [0.8, 0.0, 0.2]], np.float32)
    labels, class_map = np.array([0, 1]), np.array([1, 2])
    plain = Predictions(values, labels, class_map, ["a", "b"])
    without = Predictions(values, labels, class_map, ["a", "b"], ignored=0)
    assert plain.predicted.tolist() == [0, 0]
    assert without.predicted.tolist() == [1, 2]
    assert without.truth is not None
    assert without.truth.tolist() == [1, 2]
    without.save(tmp_path)
    again = Predictions.load(tmp_path)
    assert again.ignored == 0
    assert again.predicted.tolist() == [1, 2]
    assert values[0, 0] == np.float32(0.6)  # what was given is not changed
