"""What int8 does to every activation and kernel of a model. Imports no TensorFlow, no LiteRT."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from effq_core.base.errors import StoreError
from effq_core.base.files import reading
from effq_core.layers.signal_tensors import KernelSignal, Shelf, TensorSignal

ARRAYS_FILE = "signal.npz"
INDEX_FILE = "signal.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class BlockSignal:
    """What a block does to the signal."""

    block: str
    input_db: float  # SQNR of what it reads, the output of the block before; ``inf`` for the first
    # SQNR of its last operator's output, of all values or the median channel, if lower.
    output_db: float
    output: TensorSignal
    clipped: TensorSignal  # its tensor with the largest share of clipped values
    widest: KernelSignal | None  # its kernel whose channels differ most; ``None`` where it has none

    @property
    def lost_db(self) -> float:
        """How much less the output's SQNR is than the input's; negative where it recovers."""
        if self.input_db == self.output_db:
            return 0.0
        return self.input_db - self.output_db


@dataclass(frozen=True, kw_only=True)
class SignalRecord:
    """Every activation and kernel of a model, in float32 and in int8."""

    images: int  # photos both files were run on: the first of the evaluation sample
    agreed: int  # how many of them both files put into the same class
    tensors: tuple[TensorSignal, ...]  # one an operator, in the order of the graph
    kernels: tuple[KernelSignal, ...]  # one an operator with weights, in the order of the graph

    @property
    def by_tensor(self) -> dict[str, TensorSignal]:
        """Signals by the name of their tensor."""
        return {each.tensor: each for each in self.tensors}

    @property
    def kernel_of(self) -> dict[str, KernelSignal]:
        """Kernels by the name of the tensor their operator makes."""
        return {each.tensor: each for each in self.kernels}

    def by_block(self) -> tuple[BlockSignal, ...]:
        """Sums up each block, in the order of the graph."""
        tensors: dict[str, list[TensorSignal]] = {}
        kernels: dict[str, list[KernelSignal]] = {}
        for tensor in self.tensors:
            tensors.setdefault(tensor.block, []).append(tensor)
        for kernel in self.kernels:
            kernels.setdefault(kernel.block, []).append(kernel)
        found: list[BlockSignal] = []
        for block, members in tensors.items():
            found.append(
                BlockSignal(
                    block=block,
                    input_db=found[-1].output_db if found else math.inf,
                    output_db=members[-1].lower_db,
                    output=members[-1],
                    clipped=max(members, key=lambda each: each.clipped_share),
                    widest=max(kernels.get(block, []), key=lambda each: each.spread, default=None),
                )
            )
        return tuple(found)

    def save(self, folder: Path) -> None:
        """Writes ``signal.npz`` and ``signal.json``."""
        shelf = Shelf()
        index = {
            "format": FORMAT,
            "images": self.images,
            "agreed": self.agreed,
            "tensors": [each.put(shelf) for each in self.tensors],
            "kernels": [each.put(shelf) for each in self.kernels],
        }
        shelf.save(folder / ARRAYS_FILE)
        text = json.dumps(index, allow_nan=False) + "\n"
        (folder / INDEX_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SignalRecord:
        """Reads what :meth:`save` wrote; StoreError if it is missing, damaged or unknown."""
        with reading("The layers' signal", folder):
            index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
            if index["format"] != FORMAT:
                raise StoreError(
                    f"The layers' signal in {folder} has format {index['format']}; "
                    f"this EffQ reads format {FORMAT}.",
                    "Run the experiment again, or update EffQ.",
                )
            shelf = Shelf.load(folder / ARRAYS_FILE)
            images = int(index["images"])
            tensors = tuple(TensorSignal.take(each, shelf) for each in index["tensors"])
            kernels = tuple(KernelSignal.take(each, shelf) for each in index["kernels"])
            return cls(images=images, agreed=int(index["agreed"]), tensors=tensors, kernels=kernels)
