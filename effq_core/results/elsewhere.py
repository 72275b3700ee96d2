"""The experiment that measures a run's files on other photos than its own."""

from collections.abc import Sequence
from dataclasses import replace

from effq_core.base.errors import InputError
from effq_core.experiment import Experiment
from effq_core.experiment.variants import BASELINE, is_ready
from effq_core.results.document import Results


def measurable(results: Results) -> tuple[str, ...]:
    """Returns the variants of a run that can be measured again: those there are files of."""
    return tuple(n for n in results.variants if n in results.with_files or is_ready(n))


def on_photos(
    results: Results,
    run: str,
    dataset: str,
    *,
    variants: Sequence[str] | None = None,
    evaluation_size: int | None = None,
) -> Experiment:
    """Asks for files of a run to be measured on other photos; InputError if a variant has none."""
    there = measurable(results)
    missing = [name for name in variants or () if name not in there and name != BASELINE]
    if missing or not there:
        raise InputError(
            f"The run has no file of {', '.join(missing) or 'any variant'}.",
            f"Choose from: {', '.join(there)}." if there else "Run it again, then measure it.",
        )
    return replace(
        results.experiment,
        dataset=dataset,
        variants=tuple(variants or there),
        layers=None,
        evaluation_size=evaluation_size,
        # The files of a run that measured another's are that one's.
        files_of=results.experiment.files_of or run,
    )
