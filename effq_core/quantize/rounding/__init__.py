"""The rounding rules: a folder each."""

from effq_core.base.registry import import_folders

import_folders(__name__, __path__)
