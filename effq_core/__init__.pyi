from typing import Any

from effq_core.api import datasets as datasets
from effq_core.api import models as models
from effq_core.api.progress import Progress as Progress
from effq_core.api.running import run as run
from effq_core.api.runs import Run as Run
from effq_core.api.runs import open_run as open_run
from effq_core.base import errors as errors
from effq_core.experiment import Calibration as Calibration
from effq_core.experiment import Experiment as Experiment
from effq_core.experiment import Qat as Qat
from effq_core.experiment.fitted import Fitted as Fitted
from effq_core.experiment.low_bits import LowBits as LowBits
from effq_core.experiment.mixed import Layers as Layers
from effq_core.experiment.mixed import Mixed as Mixed

__version__: str

def public(name: str) -> Any: ...
