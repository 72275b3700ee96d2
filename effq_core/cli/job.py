"""``python -m effq_core.cli.job KIND ID``: a process that works on one detached job."""

import logging
import sys

import effq_core.care.fetch_worker  # each registers what works on jobs of its kind
import effq_core.pipeline.driver
import effq_core.rescue.driver
import effq_core.sweeps.driver  # noqa: F401 - of the four it is named last
from effq_core.base.errors import EffqError
from effq_core.base.settings import Home
from effq_core.jobs import kinds

log = logging.getLogger("effq.job")


def main(arguments: list[str]) -> int:
    """Works on the job of that kind and id; returns 0, 130 if it was cancelled, 1 if it failed."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    kind, job_id, *options = arguments
    try:
        return kinds.work(kind, Home.from_environment(), job_id, *options)
    except EffqError as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
