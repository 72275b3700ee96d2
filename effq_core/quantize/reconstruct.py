"""Block reconstruction (Li et al. 2021, arXiv:2102.05426): blocks learn what the float ones give.

From the first block to the last, each on what the blocks before it give once they are trained. It
needs no labels, and a few hundred photos: a block has few weights to learn, and many positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.base.tensorflow import keras, tf
from effq_core.quantize.file_network import FileOperator, file_network
from effq_core.quantize.file_values import product_floats, trained_integers
from effq_core.quantize.finetune import micro_batch
from effq_core.runtimes.registry import open_session
from effq_core.tflite.cutting import entering, parts
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.rewriting import pack

IMAGES = 300
"""Photos that are looked at, at most: time and memory grow with them."""
STEPS = 72
_RATE = 0.002
"""Of Adam, in steps of the grids; it falls to zero like a cosine."""
_HELD_OUT = 0.1

_Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Block:
    """A block that was trained.

    Attributes:
        output: Name of the tensor it makes.
        before: Mean squared error of that, of the float model's variance, on photos held out.
        after: Likewise after training; the block stays untrained where this is not less.
    """

    output: str
    before: float
    after: float


class Reconstruction:
    """Trains an integer file block by block.

    Args:
        file: A ``.tflite`` file of integers.
        float32: The float32 file it was made from.
        images: uint8 ``(n, side, side, 3)``, two at least; a share is held out.
        folder: For what the float model gives.
        reporter: Told how many blocks are done.
        seed: Of the order of photos.

    Raises:
        DatasetError: If there is one photo only.
    """

    def __init__(
        self,
        file: bytes,
        float32: bytes,
        images: npt.NDArray[np.uint8],
        folder: Path,
        reporter: Reporter,
        *,
        seed: int,
    ) -> None:
        self.images = images[:IMAGES]
        self.batch = micro_batch(int(images.shape[1]))
        self.held_out = max(1, round(len(self.images) * _HELD_OUT))
        if len(self.images) <= self.held_out:
            raise DatasetError(
                "One photo leaves none to reconstruct blocks with beside that held out.",
                "Choose more calibration photos.",
            )
        self.file, self.float32, self.folder = file, float32, folder
        self.reporter, self.seed = reporter, seed
        self.blocks: list[Block] = []

    def run(self) -> dict[int, npt.NDArray[Any]]:
        """Returns the trained integers, by number of their tensor; ``Cancelled``."""
        graph = read_tflite(self.file).main
        known = {op.output.name for op in read_tflite(self.float32).main.operators}
        blocks = parts(self.file, known)
        floats = product_floats(self.file, self.float32)
        names = [entering(graph, end).name for _, end in blocks]
        targets = float_outputs(self.float32, names, self.images, self.folder, self.reporter)
        found: dict[int, npt.NDArray[Any]] = {}
        given: npt.NDArray[Any] = self.images
        for done, (first, end) in enumerate(blocks):
            self.reporter.progress(done, len(blocks), "blocks")
            network = file_network(self.file, floats, first=first, end=end)
            if any(layer.kernel is not None for layer in _operators(network)):
                self.blocks.append(self._train(network, given, targets[done], names[done]))
                weights = {layer.name: layer.get_weights() for layer in network.layers}
                found |= trained_integers(self.file, weights)
            given = self._integers(network, given, entering(graph, end).grid)
        self.reporter.progress(len(blocks), len(blocks), "blocks")
        return found

    def _train(self, network: Any, given: npt.NDArray[Any], targets: _Floats, name: str) -> Block:
        start = network.get_weights()
        variance = float(np.var(targets[: self.held_out], dtype=np.float64)) or 1.0
        before = self._error(network, given, targets) / variance
        step = _training_step(network)
        for chosen in self._batches(np.random.default_rng([self.seed, len(self.blocks)])):
            self.reporter.check_cancelled()
            step(given[chosen].astype(np.float32), targets[chosen].astype(np.float32))
        after = self._error(network, given, targets) / variance
        if not after < before:
            network.set_weights(start)
        return Block(name, before, after)

    def _batches(self, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
        waiting, size = np.empty(0, np.int64), self.batch
        for _ in range(STEPS):
            while len(waiting) < size:
                order = rng.permutation(np.arange(self.held_out, len(self.images)))
                waiting = np.concatenate([waiting, order])
            yield np.sort(waiting[:size])
            waiting = waiting[size:]

    def _error(self, network: Any, given: npt.NDArray[Any], targets: _Floats) -> float:
        end = self.held_out
        made = np.concatenate(list(self._outputs(network, given[:end])))
        return float(np.mean((made - targets[:end]) ** 2, dtype=np.float64))

    def _integers(
        self, network: Any, given: npt.NDArray[Any], grid: tuple[float, int] | None
    ) -> npt.NDArray[np.int8]:
        scale, zero_point = grid or (1.0, 0)
        made = (np.round(each / scale) + zero_point for each in self._outputs(network, given))
        return np.concatenate([each.astype(np.int8) for each in made])

    def _outputs(self, network: Any, given: npt.NDArray[Any]) -> Iterator[_Floats]:
        spec = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        run = tf.function(network, input_signature=[spec])
        for begin in range(0, len(given), self.batch):
            self.reporter.check_cancelled()
            yield run(given[begin : begin + self.batch].astype(np.float32)).numpy()


def _operators(network: Any) -> list[FileOperator]:
    return [layer for layer in network.layers if isinstance(layer, FileOperator)]


def _units(network: Any) -> list[_Floats]:
    """Returns a step of the grid of each trained variable: what an Adam step is measured in."""
    found = []
    for layer in _operators(network):
        for variable in layer.trainable_variables:
            grid, kernel = layer.op.output.grid, layer.op.kernel
            of_kernel = variable is layer.kernel and kernel is not None
            unit = kernel.scales if of_kernel and kernel is not None else grid[0] if grid else 1.0
            found.append(np.broadcast_to(unit, variable.shape).astype(np.float32))
    return found


def _training_step(network: Any) -> Any:
    variables, units = network.trainable_variables, _units(network)
    cells = [tf.Variable(v / unit) for v, unit in zip(variables, units, strict=True)]
    rate = keras.optimizers.schedules.CosineDecay(_RATE, STEPS)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(cells)

    @tf.function  # type: ignore[untyped-decorator]
    def step(x: Any, target: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(x) - target) ** 2)
        slopes = tape.gradient(loss, variables)
        optimizer.apply_gradients(
            (slope * unit, cell) for slope, unit, cell in zip(slopes, units, cells, strict=True)
        )
        for variable, unit, cell in zip(variables, units, cells, strict=True):
            variable.assign(cell * unit)

    return step


def float_outputs(
    float32: bytes,
    names: list[str],
    images: npt.NDArray[np.uint8],
    folder: Path,
    reporter: Reporter,
) -> list[npt.NDArray[np.float16]]:
    """Returns what tensors of a float32 file hold for each image, float16 ``(n, …)`` in files."""
    tensors = {op.output.name: op.output for op in read_tflite(float32).main.operators}
    wanted = [tensors[name] for name in names]
    model = unpack(float32)
    model.subgraphs[0].outputs = np.array([tensor.index for tensor in wanted], np.int32)
    model.signatureDefs = None
    path = folder / "float_outputs.tflite"
    path.write_bytes(pack(model))
    session = open_session(path, threads=2)
    found: list[npt.NDArray[np.float16]] = [
        np.lib.format.open_memmap(
            folder / f"float-{place}.npy",
            mode="w+",
            dtype=np.float16,
            shape=(len(images), *tensor.shape[1:]),
        )
        for place, tensor in enumerate(wanted)
    ]
    for n, image in enumerate(images):
        reporter.check_cancelled()
        session.feed(image[None].astype(np.float32))
        session.invoke()
        for each, tensor in zip(found, wanted, strict=True):
            each[n] = session.value(tensor.index)[0]
    return found
