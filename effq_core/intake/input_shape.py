"""What shape of input your own model may have: one square image, in colour or grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from effq_core.base.errors import ModelError
from effq_core.photos.image_input import COLOUR, GREY

USUAL_SIZE = 224  # side, in pixels, of a model that leaves its input open
_SIZES = (16, 1024)


@dataclass(frozen=True)
class InputShape:
    """The input of a model file."""

    side: int  # of the square in pixels
    left_open: bool  # whether the file leaves that open
    channels: int  # 3, or 1 where the image is grey
    flat: bool  # whether a grey image has no axis for its one channel
    batch: int | None  # images the file takes at a time; ``None``: any number

    @property
    def text(self) -> str:
        """The input in words."""
        colours = "RGB" if self.channels == COLOUR else "grey"
        return f"One {colours} image of {self.side} × {self.side} pixels goes in."


def read_input_shape(shape: Sequence[Any], wanted: int | None) -> InputShape:
    """Reads the shape of an input, batch first, channels last; ``None`` where a side is left open.

    ``wanted`` is the side in pixels then. Raises ModelError if it is not one square image.
    """
    sides = tuple(None if side is None else int(side) for side in shape)
    if len(sides) not in (3, 4) or sides[3:] not in ((), (None,), (GREY,), (COLOUR,)):
        raise ModelError(
            f"The model's input has the shape {sides}.",
            "EffQ feeds one image, channels last: (batch, height, width, 3), or grey with 1 "
            "channel or none.",
        )
    height, width = sides[1:3]
    if height != width:
        raise ModelError(f"The model's input is {height} × {width}.", "EffQ feeds square images.")
    if wanted is not None and height is not None and wanted != height:
        raise ModelError(
            f"The model takes {height} × {height} pixels, not {wanted}.",
            "Leave the input size away: the file says it.",
        )
    size = height or wanted or USUAL_SIZE
    if not _SIZES[0] <= size <= _SIZES[1]:
        raise ModelError(f"The model's input has {size} pixels.", f"Between {_SIZES} are taken.")
    channels = GREY if sides[3:] in ((), (GREY,)) else COLOUR
    return InputShape(size, height is None, channels, len(sides) == 3, sides[0])
