"""Models of one's own in the store: names, labels, cards, and what is not trusted of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.errors import ExperimentError, ModelError, StoreError
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.experiment import Experiment
from effq_core.models.build import open_own
from effq_core.models.card import Label
from effq_core.models.catalogue import get_model
from effq_core.models.class_names import parse_labels
from effq_core.models.classes import HeadUse
from effq_core.models.own.card import get_own, own_models, slug_of, variant_problem, write_card
from effq_core.photos.image_input import ImageInput
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.plan_model import check_model, model_stage
from effq_core.results.wording import model_title
from effq_core.store.database import Database
from tests.models.own_cards import add_card


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Pets, v2!", "my_pets_v2"),
        ("../../etc/passwd", "etc_passwd"),
        ("Größe 10", "gr_sse_10"),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_name_becomes_an_identifier_no_path_can_be_made_of(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(ModelError, match="No identifier"):
        slug_of("猫 / …")


@pytest.mark.parametrize("bad", ["own:../x", "own:", "own:A", "own:a__b", "own:.checking", "x"])
def test_no_path_is_made_of_another_identifier(bad: str, home: Home) -> None:
    with pytest.raises(ModelError, match="no model"):
        get_own(bad, home)


def test_a_card_is_a_model_like_any_other(home: Home) -> None:
    card = add_card(home)
    assert get_model("own:pets", home) == card
    assert card.head_labels == (Label("cat"), Label("dog", "n123"))
    assert (card.licence, card.image_size, card.float32_bytes) == ("yours", 48, 4936)
    assert not card.bundled
    assert card.is_present(home)
    assert own_models(home) == (card,)
    assert model_title("own:my_pets") == "my pets"


def test_a_damaged_card_hides_its_model_and_no_other(home: Home) -> None:
    add_card(home, "good")
    bad = add_card(home, "bad")
    (bad.folder / "card.json").write_text("{}")
    assert [card.id for card in own_models(home)] == ["own:good"]


def test_removing_a_model_removes_its_folder_only(home: Home) -> None:
    add_card(home, "one")
    two = add_card(home, "two")
    database = Database(home.database)
    try:
        remove_item(home, database, "own:one")
        with pytest.raises(ModelError):
            remove_item(home, database, "own:one")
    finally:
        database.close()
    assert own_models(home) == (two,)


def test_files_that_are_not_those_that_were_checked_are_refused(home: Home) -> None:
    card = add_card(home)
    (card.folder / "flat.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(ModelError, match="not those that were checked"):
        open_own(card)


def test_another_content_is_another_model_to_the_pipeline(home: Home) -> None:
    one = add_card(home)
    function, params = model_stage(one, one.image_input)
    (one.folder / "weights.npz").write_bytes(b"other")
    write_card(one.folder, json.loads((one.folder / "card.json").read_text()) | {"content": ""})
    plain = json.loads((one.folder / "card.json").read_text())
    plain.pop("content")
    write_card(one.folder, plain)
    assert function == "own:float_model"
    assert model_stage(get_own("own:pets", home), ImageInput(48))[1]["weights"] != params["weights"]


def test_only_what_is_unusual_of_an_input_is_in_the_fingerprints(home: Home) -> None:
    def pixels(slug: str) -> list[dict[str, object]]:
        choice = Experiment(model=f"own:{slug}", variants=("int8",))
        stages = build_plan(choice, home).stages
        return [dict(each.params) for each in stages if each.stage.id == "data:pixels"]

    old = add_card(home, "old")  # as cards were before an input could be unusual
    assert old.image_input == ImageInput(48)
    stretched = add_card(home, "wide", resize="stretch")
    grey = add_card(home, "grey", channels=1)
    assert model_stage(old, old.image_input)[1].keys() == {"model", "weights", "image_size"}
    assert model_stage(stretched, stretched.image_input)[1]["resize"] == "stretch"
    assert all(not {"resize", "channels"} & params.keys() for params in pixels("old"))
    assert [params["resize"] for params in pixels("wide")] == ["stretch"] * 3
    assert [params["channels"] for params in pixels("grey")] == [1] * 3
    assert "grey (ITU-R 601 luma)" in grey.summary
    assert "stretched to a square" in stretched.summary


def test_a_card_of_an_input_nobody_knows_is_damaged(home: Home) -> None:
    with pytest.raises(StoreError, match="damaged"):
        add_card(home, resize="pad")


def test_bundled_models_are_built_by_the_stage_they_always_were() -> None:
    function, params = model_stage(get_model("efficientnet_lite0_imagenet"), ImageInput(224))
    assert function == "model:float_model"
    assert set(params) == {"model", "weights", "image_size", "normalisation"}


@pytest.mark.parametrize(
    ("fields", "experiment", "use", "named"),
    [
        ({"qat_problems": ["c (ELU)"]}, {"variants": ("int8_qat",)}, HeadUse.WHOLE, "c (ELU)"),
        (
            {"qat_problems": ["c (ELU)"]},
            {"variants": ("int8_float_control",)},
            HeadUse.WHOLE,
            "c (ELU)",
        ),
        ({"int8_problem": "ERF"}, {"variants": ("int8",)}, HeadUse.WHOLE, "ERF"),
        *(
            ({"few_bits_problem": "no Dense"}, {"variants": (name,)}, HeadUse.WHOLE, "gain nothing")
            for name in ("int4", "int4_nearest", "dynamic_int4")
        ),
        ({"train_problem": "no SUM"}, {"variants": ("int4_qat",)}, HeadUse.WHOLE, "no SUM"),
        ({"head_problem": "no Dense"}, {"variants": ("int8",)}, HeadUse.NEW, "no Dense"),
        ({}, {"image_size": 64}, HeadUse.WHOLE, "48 pixels, not 64"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_a_run(
    fields: dict[str, object], experiment: dict[str, object], use: HeadUse, named: str, home: Home
) -> None:
    card = add_card(home, **fields)
    asked = Experiment(model=card.id, **{"variants": ("float16",), **experiment})  # type: ignore[arg-type]
    with pytest.raises(ExperimentError) as refused:
        check_model(card, asked, use)
    assert named in refused.value.message


def test_a_class_that_nearly_is_the_models_is_named_where_no_new_head_can_be_made(
    home: Home, tmp_path: Path
) -> None:
    card = add_card(home, head_problem="no Dense")
    for name in ("cats", "Dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("RGB", (20, 20), (len(name), 9, 9)).save(tmp_path / "set" / name / "a.png")
    asked = Experiment(model=card.id, dataset=f"folder:{tmp_path / 'set'}", variants=("float16",))
    with pytest.raises(ExperimentError, match="cannot get a new head") as refused:
        build_plan(asked, home)
    assert refused.value.hint.startswith("1 of 2 classes are the model's; 'cats' is not one of its")
    assert "nearest: 'cat'" in refused.value.hint
    (tmp_path / "set/cats").rename(tmp_path / "set/0 Cat")
    (tmp_path / "set/Dog").rename(tmp_path / "set/1_dog")
    report = next(spec for spec in build_plan(asked, home) if spec.name == "report")
    assert report.params["use"] == HeadUse.WHOLE
    assert "head_note" not in report.params, "what does not change keeps its fingerprint"


def test_what_it_can_do_is_not_refused(home: Home) -> None:
    card = add_card(home, qat_problems=["c (ELU)"])
    check_model(card, Experiment(model=card.id, variants=("int8", "float16")), HeadUse.SUBSET)
    assert variant_problem(card, "dynamic_range") == variant_problem(card, "int4") == ""
    assert variant_problem(card, "int4_qat") == "", "files are trained without Keras' fake-quant"
    fixed = add_card(home, "fixed", train_problem="no SUM")
    assert variant_problem(fixed, "int4") == variant_problem(fixed, "int8_qat") == ""
    poor = add_card(home, "poor", few_bits_problem="no Dense")
    assert variant_problem(poor, "dynamic_range") == variant_problem(poor, "int8") == ""


def test_labels_are_lines_in_their_order() -> None:
    text = "\ufeffcat\r\n  a \tdog \r\nh\u202eorse\r\n\r\n".encode()
    assert [label.name for label in parse_labels(text)] == ["cat", "a dog", "h orse"]


def test_labels_lose_the_numbers_that_count_them() -> None:
    assert [label.name for label in parse_labels("0 cat\n1 Dog\n")] == ["cat", "Dog"]
    assert [label.name for label in parse_labels("1 Euro\n2 Euro\n")] == ["1 Euro", "2 Euro"]


def test_known_sets_of_labels_carry_their_wordnet_ids() -> None:
    assert len(parse_labels("imagenet")) == 1000
    assert parse_labels(b"imagenette\n")[0].wnid == "n01440764"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no labels"),
        ("\n\n", "no labels"),
        ("cat\n\ndog", "Line 2"),
        ("cat\ndog\nCat", "Lines 1 and 3"),
        (b"caf\xe9", "not UTF-8"),
        ("x\n" * 3_000_000, "larger"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        parse_labels(text)
