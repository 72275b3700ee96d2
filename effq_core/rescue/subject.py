"""What a rescue is about: a run's experiment, on its own photos or on others."""

from dataclasses import dataclass, replace

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.photos import imagenette
from effq_core.pipeline.fitting import fit
from effq_core.results import find_run, load_reference
from effq_core.results.wording import run_title
from effq_core.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An experiment whose int8 is to be rescued."""

    experiment: Experiment
    run: str
    title: str


def of_run(home: Home, text: str, dataset: str | None = None) -> Subject:
    """Finds a run by its id, the start of one, its name, or ``latest``; photos may be others."""
    with Database(home.database) as database:
        row = find_run(database, text)
    experiment, title = Experiment.from_dict(row.experiment), run_title(row)
    if dataset is None or dataset == experiment.dataset:
        return Subject(experiment=experiment, run=row.id, title=title)
    return Subject(experiment=_on(experiment, dataset, home), run="", title=title)


def of_reference(home: Home, dataset: str | None = None) -> Subject:
    """Takes the reference's experiment with other photos, Imagenette by default (DatasetError)."""
    if not dataset and not imagenette.is_present(home):
        raise DatasetError(
            "The reference run's photos are not on this machine, so its int8 cannot be made again.",
            f"`effq datasets download {imagenette.DATASET_ID}` fetches Imagenette; or name photos "
            "of your own with --data.",
        )
    experiment = _on(load_reference().experiment, dataset or imagenette.DATASET_ID, home)
    return Subject(experiment=experiment, run="", title="the reference run's experiment")


def _on(experiment: Experiment, dataset: str, home: Home) -> Experiment:
    # The sizes that suited the run's own photos need not suit these.
    return fit(replace(experiment, dataset=dataset, training_size=None, evaluation_size=None), home)
