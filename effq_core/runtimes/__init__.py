"""What runs model files: a folder each, beside what all of them have in common."""

from effq_core.base.registry import import_folders

import_folders(__name__, __path__)
