"""TensorFlow is imported in one place, without what Keras could do without."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEAN = ROOT / "effq_core" / "base" / "tensorflow.py"

_IMPORT = """
import gc, sys
import effq_core.quantize.finetune, effq_core.quantize.qat_scheme
extra = {"keras", "pandas", "scipy", "sklearn"} & set(sys.modules)
assert not extra, extra
assert gc.isenabled()
import keras, pandas, scipy.stats, sklearn.linear_model
"""


def test_nothing_else_is_imported_and_all_of_it_can_be_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_what_is_of_tensorflow_is_imported_after_it() -> None:
    for path in (ROOT / "effq_core").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        if path != LEAN:
            assert not re.search(r"^ *import (tensorflow|tf_keras)", code, re.MULTILINE), path
            parts = re.search(r"^from tensorflow", code, re.MULTILINE)
            assert parts is None or "from effq_core.base.tensorflow" in code, path
