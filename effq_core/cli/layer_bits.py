"""The bits of blocks and layers, as ``effq layers`` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effq_core.base import formatting as fmt
from effq_core.cli import output
from effq_core.experiment.variants import get_variant

if TYPE_CHECKING:
    from effq_core.layers.width_record import WidthRecord


def print_bits(blocks: dict[str, dict[str, float]]) -> None:
    """Prints the mean bits of a weight of each block in a run's files."""
    titles = tuple(get_variant(name).title for name in blocks)
    made = output.table("Block", *titles, title="Bits of a weight", right=titles)
    for block in dict.fromkeys(block for each in blocks.values() for block in each):
        bits = [f"{each[block]:g}" if block in each else fmt.NOTHING for each in blocks.values()]
        made.add_row(output.safe(block), *bits)
    output.say("")
    output.stdout().print(made)


def print_widths(record: WidthRecord) -> None:
    """Prints what each layer would cost at fewer bits."""
    series = sorted(
        {
            (width.bits, rule)
            for layer in record.layers
            for width in layer.widths
            for rule in width.errors
        },
        key=lambda each: (-each[0], each[1]),
    )
    titles = [f"{bits} bits, {rule}" for bits, rule in series]
    narrow = sorted({bits for bits, _ in series if bits < 8}, reverse=True)
    effects = [f"Alone at {bits} bits" for bits in narrow]
    title = "Error of each layer's output, and divergence with it alone at few bits"
    made = output.table("Layer", *titles, *effects, title=title, right=(*titles, *effects))
    for layer in record.layers:
        own = layer.by_bits
        errors = [
            fmt.percent(own[bits].errors[rule], 2)
            if bits in own and rule in own[bits].errors
            else fmt.NOTHING
            for bits, rule in series
        ]
        kls = [own[bits].kl if bits in own else None for bits in narrow]
        divergence = [fmt.NOTHING if kl is None else fmt.millinats(kl) for kl in kls]
        made.add_row(output.safe(layer.name), *errors, *divergence)
    output.say("")
    output.stdout().print(made)
    photos = fmt.counted(record.images, "calibration photo")
    output.say(f"8 bits everywhere: {fmt.millinats(record.baseline_kl)} on {photos}.")
