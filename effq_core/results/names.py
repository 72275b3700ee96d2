"""Names of classes: of a model's outputs and of a dataset's labels."""

from effq_core.models.catalogue import get_model
from effq_core.results.document import Results


def output_names(results: Results) -> list[str]:
    """Returns what a run's outputs are called, in order; by its model's label set without files."""
    if results.baseline.artifact:
        return results.labels()
    return [label.name for label in get_model(results.experiment.model).head_labels]


def class_names(results: Results) -> list[str]:
    """Returns the dataset's names of its classes in label order; empty without labels."""
    return [str(name) for name in results.dataset["class_names"]]
