from __future__ import annotations

import pytest

from effq_core.results import Results
from effq_core.results.paper import PAPER, beside_paper
from tests.results.run_variations import SHIPPED, changed


def test_the_papers_tables_have_all_five_variants() -> None:
    assert tuple(PAPER) == SHIPPED
    assert [row.size_kib for row in PAPER.values()] == [27_859, 13_995, 7_692, 8_227, 8_310]
    assert [row.latency_ms for row in PAPER.values()] == [27.9, 26.7, 34.1, 29.3, 28.5]


@pytest.mark.parametrize(
    ("variant", "low", "high"), [("float32", 0.838, 0.897), ("int8", 0.805, 0.870)]
)
def test_the_papers_accuracies_get_the_interval_500_photos_give(variant, low, high) -> None:
    share = PAPER[variant].accuracy

    assert (round(share.low, 3), round(share.high, 3)) == (low, high)


def test_the_reference_run_stands_beside_the_paper_with_what_differs(reference: Results) -> None:
    view = beside_paper(reference)

    assert tuple(view.rows) == SHIPPED and view.with_latency
    text = " ".join(view.differences)
    for part in ("10 classes", "1,966", "percentile", "2 epochs", "not quantization-aware", "Xeon"):
        assert part in text


def test_another_network_has_no_value_of_the_paper(reference: Results) -> None:
    lite = changed(
        reference, lambda plain: plain["experiment"].update(model="efficientnet_lite0_imagenet")
    )

    view = beside_paper(lite)
    assert view.rows == {} and not view.with_latency
    assert "another network" in view.differences[0]


def test_another_input_size_has_no_latency_of_the_paper(reference: Results) -> None:
    small = changed(reference, lambda plain: plain["model"].update(image_size=160))

    assert beside_paper(small).rows and not beside_paper(small).with_latency
