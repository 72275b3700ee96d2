"""Settings that nothing of an experiment would use: who chose one should know before it runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import Variant, get_variant
from effq_core.pipeline.engine import external_scheduler
from effq_core.pipeline.fitting import needs_head


@dataclass(frozen=True)
class Rule:
    """When settings have an effect.

    Attributes:
        settings: Names of fields; those of a part of the experiment behind its name and a dot.
        used: Whether an experiment uses them.
        why: What is to be said where it does not.
        remedy: What to choose instead; begins a sentence.
    """

    settings: tuple[str, ...]
    used: Callable[[Experiment, Home], bool]
    why: str
    remedy: str


def _any(fits: Callable[[Variant], bool]) -> Callable[[Experiment, Home], bool]:
    return lambda experiment, _home: any(map(fits, map(get_variant, experiment.variants)))


def _clips(experiment: Experiment, home: Home) -> bool:
    return METHODS[experiment.calibration.method].uses_percentile and _ranged(experiment, home)


def _fits_machine(experiment: Experiment, _home: Home) -> bool:
    # The hosts of a cluster may have more than this one.
    return bool(external_scheduler()) or max(experiment.threads) <= hardware.usable_cores()


_ranged = _any(lambda variant: variant.uses_method)
_trained = _any(lambda variant: variant.trained)

RULES = (
    Rule(
        ("calibration.size",),
        _any(lambda variant: variant.needs_calibration),
        "no effect, as no chosen variant is calibrated",
        "Add int8",
    ),
    Rule(
        ("calibration.method",),
        _ranged,
        "no effect, as no chosen variant takes its ranges from a calibration method",
        "Add int8",
    ),
    Rule(
        ("calibration.percentile",),
        _clips,
        "no effect, as only int8 with the calibration method percentile uses it",
        "Choose that method",
    ),
    Rule(
        ("qat.epochs", "qat.learning_rate", "qat.batch_size", "qat.loss"),
        _trained,
        "no effect, as no chosen variant is fine-tuned",
        "Add int8_qat",
    ),
    Rule(
        ("training_size",),
        lambda experiment, home: _trained(experiment, home) or needs_head(experiment, home),
        "no effect, as no chosen variant is fine-tuned and the model keeps its head",
        "Add int8_qat",
    ),
    Rule(
        (
            "mixed.max_drop_points",
            "mixed.max_extra_size",
            "mixed.max_latency_ratio",
            "mixed.budget_seconds",
        ),
        lambda experiment, _home: experiment.mixed is None or experiment.mixed.is_suggested,
        "no effect, as the blocks to keep are named and none are looked for",
        "Name no blocks",
    ),
    Rule(
        ("threads",),
        _fits_machine,
        "this machine has only {cores}",
        "Choose fewer threads",
    ),
)
"""Every setting that some experiments do not use; what is not named here is always used."""


def refuse_unused(
    experiments: Collection[Experiment],
    home: Home,
    chosen: Iterable[str],
    names: Mapping[str, str],
) -> None:
    """Refuses settings that were chosen and that no experiment uses.

    Args:
        experiments: Those that would be run; one is enough to use a setting.
        home: The store, where the photos are.
        chosen: Names of the settings somebody chose, as rules name them.
        names: What the settings are called where they were chosen; itself, where not given.

    Raises:
        ExperimentError: If one has no effect, with every one that has none.
        InputError: If the photos cannot be used.
    """
    given, sentences, remedies = set(chosen), [], []
    for rule in RULES:
        idle = [names.get(each, each) for each in rule.settings if each in given]
        if not idle or any(rule.used(each, home) for each in experiments):
            continue
        cores = fmt.counted(hardware.usable_cores(), "hardware thread")
        sentences.append(f"{fmt.listed(idle)}: {rule.why.format(cores=cores)}.")
        remedies.append(f"{rule.remedy}, or leave out {fmt.listed(idle)}.")
    if sentences:
        raise ExperimentError(" ".join(sentences), " ".join(remedies))
