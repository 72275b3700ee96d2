"""Where float32 and int8 diverge on one photo. LiteRT only: the dashboard runs it live."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import BusyError, ModelError
from effq_core.layers.side_by_side import Both, Sums
from effq_core.tflite.network import Op

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

PARTING_DB = 10.0
"""SQNR under which two models have parted company, dB: noise of a tenth of the signal's power.

Of the lowest SQNR on the trunk of Imagenette's validation photos (EfficientNetV2-B0): the bundled
int8 file stays above it on 98 % of 328 photos; with ranges too wide (min-max of 200 photos) or too
narrow (percentile 99) it falls below on 98 % of 197. It does not tell which photos change class.
"""

LOADED_AT_MOST = 2  # pairs of files one server holds ready
_PATIENCE = 10.0  # seconds a visitor waits for others to be done with theirs


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one operator makes of the photo."""

    tensor: str  # name of the tensor in the float32 file, as in a signal record
    layer: str  # name of its layer
    block: str  # name of its block
    kind: str  # of its operator
    sqnr_db: float  # SQNR of this photo, in dB: see :mod:`effq_core.layers.signal_tensors`
    # That of the median channel, in dB; where a channel is a single value, that of all of them.
    channel_db: float
    cosine: float  # of this photo's values in float32 and in int8
    # Whether everything goes through it; not of probabilities, whose SQNR is low where they change.
    on_trunk: bool

    @property
    def lower_db(self) -> float:
        """The lower one of :attr:`sqnr_db` and :attr:`channel_db`."""
        return min(self.sqnr_db, self.channel_db)


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """One photo on its way through both models."""

    steps: tuple[Step, ...]  # one an operator, in the order of the graph
    float32: Floats  # float32's probabilities, float32 ``(classes,)``
    int8: Floats  # the int8 file's, likewise

    @property
    def agrees(self) -> bool:
        """Whether both put the photo into the same class."""
        return int(self.float32.argmax()) == int(self.int8.argmax())

    @property
    def margin(self) -> float:
        """How much more probable float32 finds its first class than its second, 0 to 1."""
        second, first = np.partition(self.float32, -2)[-2:]
        return float(first - second)

    @property
    def trunk(self) -> tuple[Step, ...]:
        """The steps everything goes through."""
        return tuple(step for step in self.steps if step.on_trunk)

    @property
    def lowest(self) -> Step:
        """The step of the trunk with the lowest SQNR, of all values or of the median channel."""
        return min(self.trunk, key=lambda step: step.lower_db)

    def first_below(self, threshold_db: float = PARTING_DB) -> Step | None:
        """Finds the first step of the trunk whose SQNR, or median channel's, is lower, if any."""
        return next((step for step in self.trunk if step.lower_db < threshold_db), None)


def trace(float32: Path, int8: Path, image: Image) -> Trace:
    """Follows one photo, RGB 0-255, uint8 ``(side, side, 3)``, through two files of a model.

    Raises ModelError if a file cannot be read, the two do not fit each other, or the image does not
    have the model's size; BusyError if others keep the models busy for long.
    """
    with _borrow(float32, int8) as both:
        expected, answered = both.run(image)
        sums = [Sums.of(*both.values(pair)) for pair in both.pairs]
    trunk = frozenset(trunk_of(both.ops))
    steps = tuple(
        Step(
            tensor=pair.op.tensor,
            layer=pair.op.layer,
            block=pair.op.block,
            kind=pair.op.kind,
            sqnr_db=each.sqnr_db,
            channel_db=each.channel_db if pair.is_map else each.sqnr_db,
            cosine=each.cosine,
            on_trunk=pair.op.tensor in trunk and pair.op.kind != "SOFTMAX",
        )
        for pair, each in zip(both.pairs, sums, strict=True)
    )
    return Trace(steps=steps, float32=expected, int8=answered)


def feature_maps(float32: Path, int8: Path, image: Image, tensor: str) -> tuple[Floats, Floats]:
    """Takes one operator's output on one photo, RGB 0-255, uint8 ``(side, side, 3)``.

    Returns float32's values, and those int8 has in their place as real numbers; both float32,
    ``(height, width, channels)`` or ``(channels,)``. Raises as :func:`trace`; ModelError, too, if
    there is no tensor of that name.
    """
    with _borrow(float32, int8) as both:
        pair = next((each for each in both.pairs if each.op.tensor == tensor), None)
        if pair is None:
            message = f"The two files have no tensor {tensor!r} in common."
            raise ModelError(message, "Choose another operator.")
        both.run(image)
        exact, rounded = both.values(pair)
    return exact.reshape(pair.op.shape), rounded.reshape(pair.op.shape)


_Key = tuple[tuple[str, int, int], ...]
_lock = threading.Lock()
_loaded: OrderedDict[_Key, Both] = OrderedDict()


@contextmanager
def _borrow(float32: Path, int8: Path) -> Iterator[Both]:
    """Holds two files while the block runs, loading them first; one visitor at a time."""
    if not _lock.acquire(timeout=_PATIENCE):
        message = "The server is busy with other photos."
        raise BusyError(message, "Try again in a moment: what you have given is still here.")
    try:
        key = (_identity(float32), _identity(int8))
        if key not in _loaded:
            while len(_loaded) >= LOADED_AT_MOST:
                _loaded.popitem(last=False)  # the pair nobody has asked for longest
            _loaded[key] = Both(float32, int8)
        _loaded.move_to_end(key)
        yield _loaded[key]
    finally:
        _lock.release()


def _identity(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ModelError(f"There is no file {path}.", "Run the experiment again.") from error
    return str(path.resolve()), found.st_mtime_ns, found.st_size


def trunk_of(ops: Iterable[Op]) -> tuple[str, ...]:
    """Finds the tensors no path goes around: what is lost there is lost to all that follows."""
    ordered = sorted(ops, key=lambda op: op.index)
    last_use = {source: place for place, op in enumerate(ordered) for source in op.sources}
    found, reach = [], -1
    for place, op in enumerate(ordered):
        # Of what was made earlier, and of the photo, nothing is read any more after this operator.
        reach = max([reach, *(last_use[source] for source in op.sources)])
        if reach <= place:
            found.append(op.tensor)
        reach = max(reach, last_use.get(op.tensor, place))
    return tuple(found)
