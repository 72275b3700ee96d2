"""EffQ's core: quantize image classifiers and measure honestly what each variant gains and loses.

Nothing in this package imports a user interface. TensorFlow is imported only inside the functions
that need it, which run in worker processes; everything else works without it.
"""

from effq_core.base import plugins as _plugins

__version__ = "0.1.0"
_plugins.load()
