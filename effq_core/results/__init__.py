"""Read access to the results of a run, for the command line, exports and the dashboard."""

from effq_core.experiment import REFERENCE
from effq_core.results.access import (
    LATEST,
    RESULTS_FILE,
    find_run,
    load_reference,
    load_results,
    open_run,
)
from effq_core.results.document import Results, VariantResult
from effq_core.results.table import Row, rows

__all__ = ["LATEST", "REFERENCE", "RESULTS_FILE", "Results", "Row", "VariantResult",
           "find_run", "load_reference", "load_results", "open_run", "rows"]  # fmt: skip
