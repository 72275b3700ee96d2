"""Many photos: agreement with its interval, plain sentences, and a file that is safe to open."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from effq_core.photos.uploads import Photo
from effq_core.predict.agreement import Answered, agreement, answers_csv, sentence, verdict
from effq_core.predict.variant_answers import Answer, Guess

CLASSES = {"cat": 0, "dog": 1}


def answer(variant: str, *guesses: tuple[str, float], agrees: bool | None, ms: float = 2.0):
    return Answer(
        variant=variant,
        guesses=tuple(
            Guess(index=CLASSES.get(label, 2), label=label, probability=probability)
            for label, probability in guesses
        ),
        ms=ms,
        agrees=agrees,
    )


def answered(*answers: Answer, name: str = "photo.jpg") -> Answered:
    pixels = np.zeros((8, 8, 3), np.uint8)
    photo = Photo(name=name, width=640, height=480, pixels=pixels, preview=pixels)
    return Answered(photo=photo, answers=answers)


FLOAT = answer("float32", ("cat", 0.9), ("dog", 0.1), agrees=None)
SAME = answer("int8", ("cat", 0.8), agrees=True, ms=1.25)
OTHER = answer("int8", ("dog", 0.5), agrees=False)


def test_agreement_counts_photos_and_has_wilsons_interval() -> None:
    shares = agreement([answered(FLOAT, SAME)] * 18 + [answered(FLOAT, OTHER)] * 2)

    assert list(shares) == ["int8"]
    share = shares["int8"]
    assert (share.k, share.n) == (18, 20)
    # Wilson's interval of 18 of 20, from its formula.
    assert share.low == pytest.approx(0.69896, abs=1e-5)
    assert share.high == pytest.approx(0.97214, abs=1e-5)


def test_float32_alone_agrees_with_nothing() -> None:
    assert agreement([answered(FLOAT)]) == {}


def test_a_photo_tells_which_variants_differ_and_how_long_all_took() -> None:
    third = answer("int8_qat", ("cat", 0.4), agrees=True, ms=3)
    each = answered(FLOAT, OTHER, third)

    assert each.differing == ("int8",)
    assert each.ms == 7.0


def test_sentences_say_whether_quantizing_changed_the_answer() -> None:
    assert sentence(answered(FLOAT, SAME)) == (
        "All 2 variants answer cat: quantizing does not change it."
    )
    assert sentence(answered(FLOAT, OTHER)) == "int8 answers dog where float32 says cat."
    unsure = answer("float32", ("cat", 0.40), ("dog", 0.38), agrees=None)
    assert sentence(answered(unsure, OTHER)).endswith(
        "float32 is undecided itself: its two best classes are only 2.0 points apart."
    )
    assert sentence(answered(FLOAT)).startswith("float32 answers cat")


def test_a_tie_of_an_integer_variant_is_called_one() -> None:
    tie = answer("int8", ("dog", 0.4), ("cat", 0.4), agrees=False)
    both = answered(FLOAT, tie, answer("int8_qat", ("dog", 0.5), agrees=False))

    assert sentence(both).startswith(
        "int8 finds dog and cat equally probable, int8 QAT answers dog where float32 says"
    )


def test_a_verdict_marks_agreement_without_colour() -> None:
    assert [verdict(each) for each in (FLOAT, SAME, OTHER)] == [
        "cat 90.0 %",
        "✓ cat 80.0 %",
        "≠ dog 50.0 %",
    ]


def test_the_csv_has_a_row_a_photo_and_every_variant() -> None:
    text = answers_csv([answered(FLOAT, SAME), answered(FLOAT, OTHER, name='b, "c".jpg')])
    table = list(csv.DictReader(io.StringIO(text)))

    assert table[0] == {
        "photo": "photo.jpg",
        "width_px": "640",
        "height_px": "480",
        "float32_class": "cat",
        "float32_confidence": "0.9",
        "float32_ms": "2.0",
        "int8_class": "cat",
        "int8_confidence": "0.8",
        "int8_ms": "1.25",
        "int8_agrees": "yes",
    }
    assert (table[1]["photo"], table[1]["int8_agrees"]) == ('b, "c".jpg', "no")


@pytest.mark.parametrize("name", ["=HYPERLINK(1).jpg", "+1.jpg", "-1.jpg", "@SUM(A1).jpg"])
def test_a_spreadsheet_does_not_take_a_name_for_a_formula(name: str) -> None:
    hostile = answer("float32", (name, 1.0), agrees=None)
    [row] = csv.DictReader(io.StringIO(answers_csv([answered(hostile, name=name)])))

    assert row["photo"] == row["float32_class"] == f"'{name}"
