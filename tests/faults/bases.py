"""The undisturbed runs that cells are compared with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from tests.faults.undisturbed import ROOT, Base
from tests.faults.world import make_base

TINY = Experiment(
    dataset="photo_patches",
    image_size=64,
    variants=("float32", "float16", "dynamic_range", "int8", "int8_qat", "int8_qat_untrained"),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=100,
    evaluation_size=60,
)
"""The bundled EfficientNetV2-B0 on small images, as every test's small run."""

SMALL = replace(
    TINY,
    model="own:brought",
    variants=(*TINY.variants, "int4_qat", "fitted", "dynamic_int4"),
    image_size=None,
    qat=Qat(epochs=2),
    threads=(1,),
    evaluation_size=30,
)
"""A network of a few layers that somebody brought: the same stages in a tenth of the time."""

# In a process of its own: a test's or a benchmark's process need not import TensorFlow.
_BRING = """
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing
from effq_core.base.settings import Home
from tests.models.own_files import classifier, small_body
home = Home.from_environment()
path = home.root / "brought.keras"
classifier(2, small_body).save(str(path))
offer = Offer("brought.keras", parse_labels("a\\nb\\nc\\nd"), Preprocessing.INSIDE)
keep(home, check(home, path, offer), "Brought")
path.unlink()
"""


def bring_small(home: Home) -> None:
    """Adds the small network to an empty store, as somebody's own."""
    home.root.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-c", _BRING],
        env={"PATH": "/usr/bin:/bin", "EFFQ_HOME": str(home.root), "PYTHONPATH": str(ROOT)},
        check=True,
    )


def small_base(folder: Path) -> Base:
    """Makes the undisturbed run of a small network in an empty folder."""
    home = Home(folder / "home")
    bring_small(home)
    return make_base(SMALL, home)


def tiny_base(folder: Path) -> Base:
    """Makes the undisturbed run of the bundled network in an empty folder."""
    return make_base(TINY, Home(folder / "home"))
