"""Single operators are timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from effq_core.base.reporting import SilentReporter
from effq_core.measure.operator_times import operator_times
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.tflite.cutting import one_operator
from effq_core.tflite.matrices import matrix_products, with_matrices

INT8 = REFERENCE_FOLDER / "files" / "int8" / "model.tflite"
MATRICES = with_matrices(INT8.read_bytes())
OPS = matrix_products(MATRICES)


def test_a_larger_operator_takes_longer(tmp_path: Path) -> None:
    def work(place: int) -> int:
        op = OPS[place]
        assert op.kernel is not None
        return int(np.prod(op.output.shape)) * op.kernel.shape[1]

    places = sorted(range(len(OPS)), key=work)
    files = {name: tmp_path / f"{name}.tflite" for name in ("small", "large")}
    for name, place in zip(files, (places[0], places[-1]), strict=True):
        files[name].write_bytes(one_operator(MATRICES, OPS[place].index))
    times = operator_times(files, SilentReporter())
    assert 0 < 2 * times["small"] < times["large"]
