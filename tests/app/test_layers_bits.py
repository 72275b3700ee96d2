"""Bits by block: shown of a run's files, chosen by block, and made with one button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from effq_core.experiment.fitted import Fitted
from effq_core.layers.bits import free_layers
from tests.app.conftest import OpenView, asked_for, words


def test_bits_chosen_by_block_are_made_and_measured(
    open_view: OpenView, copied: Path, layered_run: Any, started: list[str]
) -> None:
    app = open_view(copied, "layers", layered_run.run.id)
    assert "Give at least one block 4 or 2 bits" in words(app)
    blocks = list(dict.fromkeys(layer.block for layer in free_layers(layered_run.results)))
    chosen = app.selectbox(key="layers_bits_block")
    assert list(chosen.options) == blocks
    chosen.set_value(blocks[1]).run()
    app.selectbox(key="layers_bits_of_block").set_value(4).run()
    app.selectbox(key="layers_bits_block").set_value(blocks[0]).run()
    assert app.selectbox(key="layers_bits_of_block").value == 8, "each block has its own bits"
    app.button(key="layers_bits_make").click().run()
    assert not app.exception
    experiment = asked_for(copied, started[0])
    assert experiment.fitted == Fitted(widths=(f"{blocks[1]}=4",))
    assert "fitted" in experiment.variants
    assert experiment.layers == layered_run.experiment.layers
