"""TensorFlow and Keras 2 for all who need them, imported for half of what it would cost."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_SPARED = ("pandas", "scipy", "sklearn")  # imported by Keras for functions unused here


@contextmanager
def lean_imports(*spared: str) -> Iterator[None]:
    """Imports within do not see packages they can do without, nor look for garbage."""
    missing = [name for name in (*_SPARED, *spared) if name not in sys.modules]
    collecting = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type] # None: not installed
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
        gc.freeze()  # what was imported stays: it need not be looked at again
        if collecting:
            gc.enable()


with lean_imports("keras"):
    import tensorflow as tf
    import tensorflow_model_optimization  # noqa: F401 - or it would import Keras 3 later
    import tf_keras as keras

__all__ = ["keras", "lean_imports", "tf"]
