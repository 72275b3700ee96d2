"""What ``EFFQ_PLUGINS`` names to have the toy runtime in a process of its own."""

from effq_core.runtimes.registry import RUNTIMES
from tests.runtimes.toy import Toy

RUNTIMES.register(Toy())
