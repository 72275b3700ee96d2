"""Which versions of LiteRT run weights of few bits: each was installed and tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from effq_core.tflite.file import read_tflite
from effq_core.tflite.hybrid import is_hybrid
from effq_core.tflite.packing import BITS

PACKAGE = "ai-edge-litert"


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a file asks of LiteRT."""

    bits: int  # fewest of its weights
    runs: str  # least version that ran such a file with right answers
    fast: str  # least version whose fast kernels ran it

    @property
    def text(self) -> str:
        """What a reader must know."""
        told = f"Its {self.bits}-bit weights need {PACKAGE} {self.runs} or later"
        fast = "" if self.fast == self.runs else f", and {self.fast} or later to be fast"
        return f"{told}{fast}. tflite-runtime does not run them."

    def plain(self) -> dict[str, str]:
        """Returns what the programs of a bundle go by, as JSON values."""
        return {"runs": self.runs, "fast": self.fast}


# By bits and whether activations are floats. Version 1.4.0 took 35 times as long as 2.0.3 for 4
# bits. With float activations only 2.3.0 was tried, and kernels before it may answer wrongly.
_NEEDS = {
    (4, False): Need(bits=4, runs="1.2.0", fast="2.0.3"),
    (2, False): Need(bits=2, runs="2.1.0", fast="2.2.0"),
    (4, True): Need(bits=4, runs="2.3.0", fast="2.3.0"),
    (2, True): Need(bits=2, runs="2.3.0", fast="2.3.0"),
}


def need_of(file: Path | bytes) -> Need | None:
    """Returns what a ``.tflite`` file asks of LiteRT; ``None`` where every version will do."""
    kinds = {
        (BITS[op.kernel.dtype], is_hybrid(op))
        for graph in read_tflite(file).graphs
        for op in graph.operators
        if op.kernel is not None and BITS.get(op.kernel.dtype, 8) < 8
    }
    if not kinds:
        return None
    needs = [_NEEDS[kind] for kind in kinds]
    return Need(
        bits=min(need.bits for need in needs),
        runs=_latest(need.runs for need in needs),
        fast=_latest(need.fast for need in needs),
    )


def _latest(versions: Iterable[str]) -> str:
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])
