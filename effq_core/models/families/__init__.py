"""Model families: a folder each. What can be built, fine-tuned with fake-quant and looked into."""

from effq_core.base.registry import import_folders

import_folders(__name__, __path__)
