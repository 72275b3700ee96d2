"""Gates: checks with numbers that tell whether a variant's results can be believed.

A failed gate marks the variant and never hides it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import StageError
from effq_core.base.plain import Plain
from effq_core.runtimes.file_report import FileReport

FLOAT_PARITY = 0.995
"""Least top-1 agreement of the Keras float model with the float32 file."""

QAT_PARITY = 0.98
"""Least top-1 agreement of the Keras fake-quant model with its integer file."""


@dataclass(frozen=True, kw_only=True)
class Gate(Plain):
    """One check and its numbers.

    Attributes:
        name: What was checked.
        passed: Whether it holds.
        value: What was measured.
        limit: What it had to reach (or not to exceed; ``detail`` says which).
        n: Number of things looked at: images, tensors, operators.
        detail: The result in words.
    """

    name: str
    passed: bool
    value: float
    limit: float
    n: int
    detail: str


def agreement_gate(
    name: str, a: npt.NDArray[np.floating[Any]], b: npt.NDArray[np.floating[Any]], minimum: float
) -> Gate:
    """Checks that two forms of a model give the same top-1 class often enough.

    Args:
        name: Name of the gate.
        a: Outputs of one form, float (n, classes).
        b: Outputs of the other to the same images, float (n, classes).
        minimum: Least share of equal answers, 0–1.

    Returns:
        The gate; its value is the share.

    Raises:
        StageError: If the shapes differ or there is no image.
    """
    if a.shape != b.shape or a.ndim != 2 or not len(a):
        raise StageError(
            f"The gate {name!r} cannot compare outputs of shapes {a.shape} and {b.shape}."
        )
    n = len(a)
    same = int((a.argmax(axis=1) == b.argmax(axis=1)).sum())
    return Gate(
        name=name,
        passed=same >= minimum * n - 1e-9,  # 0.995 × 200 is 199.00000000000003 or so
        value=same / n,
        limit=minimum,
        n=n,
        detail=f"{same:,} of {n:,} images get the same top-1 class; at least "
        f"{100 * minimum:g} % must. Largest output difference {_largest(a, b):.3g}.",
    )


def no_float_gate(report: FileReport) -> Gate:
    """Checks that a file is integer throughout.

    Returns:
        The gate; its value is the number of float tensors.
    """
    found = report.has_float_tensors
    tensors = sum(report.tensor_dtypes.values())
    named = f": {', '.join(found[:3])}{' …' if len(found) > 3 else ''}" if found else ""
    return Gate(
        name="no_float_tensors",
        passed=not found,
        value=len(found),
        limit=0,
        n=tensors,
        detail=f"{len(found)} of {tensors} tensors are floats{named}; none may be.",
    )


def fake_quant_gate(found: Mapping[str, int], expected: Mapping[str, int]) -> Gate:
    """Checks that a QAT graph has the fake-quant operators its architecture needs.

    Args:
        found: Fake-quant operators counted in the graph, by kind.
        expected: What the architecture needs, by kind.

    Returns:
        The gate; its value is the number found, its limit the number needed. None at all fails,
        whatever is expected: such a graph is not quantization-aware.
    """
    have, need = sum(found.values()), sum(expected.values())
    kinds = sorted({*found, *expected})
    parts = ", ".join(f"{kind} {found.get(kind, 0)} of {expected.get(kind, 0)}" for kind in kinds)
    equal = all(found.get(kind, 0) == expected.get(kind, 0) for kind in kinds)
    return Gate(
        name="fake_quant_count",
        passed=have > 0 and equal,
        value=have,
        limit=need,
        n=have,
        detail=f"Fake-quant operators found of needed: {parts or 'none of none'}.",
    )


def disjoint_gate(role_a: str, a: Iterable[str], role_b: str, b: Iterable[str]) -> Gate:
    """Checks that no image is in two samples.

    Args:
        role_a: What the one sample is for, such as ``calibration``.
        a: Content hashes of its images.
        role_b: What the other is for.
        b: Content hashes of its images.

    Returns:
        The gate; its value is the number of contents in both.
    """
    others = set(b)
    shared = set(a) & others
    return Gate(
        name=f"{role_a}_{role_b}_disjoint",
        passed=not shared,
        value=len(shared),
        limit=0,
        n=len(others),
        detail=f"{len(shared):,} of {len(others):,} {role_b} images are also {role_a} "
        "images; none may be.",
    )


def same_ops_gate(report_a: FileReport, report_b: FileReport) -> Gate:
    """Checks that two files consist of the same operators, as int8_qat and int8 should.

    Returns:
        The gate; its value is the number of operators only one of them has.
    """
    a, b = Counter(report_a.ops), Counter(report_b.ops)
    only_a, only_b = a - b, b - a
    extra = [f"{count} {name} only in {report_a.name}" for name, count in sorted(only_a.items())]
    extra += [f"{count} {name} only in {report_b.name}" for name, count in sorted(only_b.items())]
    different = sum(only_a.values()) + sum(only_b.values())
    return Gate(
        name="same_operators",
        passed=different == 0,
        value=different,
        limit=0,
        n=max(sum(a.values()), sum(b.values())),
        detail="; ".join(extra) + "." if extra else f"Both have the same {sum(a.values())}.",
    )


def _largest(a: npt.NDArray[np.floating[Any]], b: npt.NDArray[np.floating[Any]]) -> float:
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
