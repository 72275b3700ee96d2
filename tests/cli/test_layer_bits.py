"""Bits of blocks and layers as ``effq layers`` prints them."""

from __future__ import annotations

import pytest

from effq_core.base.intervals import proportion
from effq_core.cli.layer_bits import print_bits, print_widths
from effq_core.layers.width_record import LayerWidths, Width, WidthRecord


def test_blocks_are_listed_with_their_bits_in_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    print_bits({"int4": {"block1a": 4.0, "head": 4.0}, "fitted": {"block1a": 6.5}})
    lines = capsys.readouterr().out.splitlines()
    [first] = [line.split() for line in lines if "block1a" in line]
    [last] = [line.split() for line in lines if "head" in line]
    assert first == ["block1a", "4", "6.5"] and last == ["head", "4", "–"]


def test_layers_are_listed_with_their_errors_and_effects(
    capsys: pytest.CaptureFixture[str],
) -> None:
    widths = (
        Width(bits=8, size_bytes=80, errors={"nearest": 0.0001}),
        Width(bits=4, size_bytes=40, errors={"nearest": 0.02, "gptq": 0.01}, kl=0.003),
    )
    layer = LayerWidths(name="block1a_expand", block="block1a", tensor="a/Conv2D", widths=widths)
    print_widths(
        WidthRecord(
            images=150,
            rule="gptq",
            baseline_kl=0.002,
            baseline_agreement=proportion(149, 150),
            layers=(layer,),
            complete=True,
            seconds=3.0,
        )
    )
    said = capsys.readouterr().out
    assert "block1a_expand" in said and "2.00 %" in said and "1.00 %" in said
    assert "150 calibration photos" in said and "3" in said
