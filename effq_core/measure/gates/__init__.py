"""The gates: a module each, with the rule and its words."""

from effq_core.base.registry import import_folders
from effq_core.measure.gate import GATES, Gate, Rule

__all__ = ["GATES", "Gate", "Rule"]

import_folders(__name__, __path__, files=True)
