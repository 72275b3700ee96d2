"""Settings that nothing of an experiment would use: who chose one should know before it runs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.setting import Setting, Use, walk
from effq_core.pipeline.engine import external_scheduler
from effq_core.pipeline.fitting import needs_head


@dataclass(frozen=True)
class Rule:
    """When a setting has an effect."""

    used: Callable[[Experiment, Home], bool]
    why: str
    remedy: str


def _fits_machine(experiment: Experiment, _home: Home) -> bool:
    # The hosts of a cluster may have more than this one.
    return bool(external_scheduler()) or max(experiment.threads) <= hardware.usable_cores()


def _rule(setting: Setting, use: Use) -> Rule:
    def used(experiment: Experiment, home: Home) -> bool:
        trains_head = setting.path == "training_size" and needs_head(experiment, home)
        return trains_head or setting.matters(experiment)

    return Rule(used, f"no effect, as {use.why}", use.remedy)


RULES = {each.path: _rule(each, each.use) for each in walk(Experiment) if each.use} | {
    "threads": Rule(_fits_machine, "this machine has only {cores}", "Choose fewer threads")
}
"""Every setting that some experiments do not use; what is not named here is always used."""


def refuse_unused(experiments: Collection[Experiment], home: Home, chosen: Collection[str]) -> None:
    """Refuses settings that were chosen, by their paths, and that no experiment uses."""
    idle: dict[tuple[str, str], list[str]] = {}
    for each in walk(Experiment):
        rule = RULES.get(each.path) if each.path in chosen else None
        if rule and not any(rule.used(experiment, home) for experiment in experiments):
            idle.setdefault((rule.why, rule.remedy), []).append(each.option)
    if idle:
        cores = fmt.counted(hardware.usable_cores(), "hardware thread")
        named = {words: fmt.listed(options) for words, options in idle.items()}
        raise ExperimentError(
            " ".join(f"{o}: {w.format(cores=cores)}." for (w, _), o in named.items()),
            " ".join(f"{do}, or leave out {o}." for (_, do), o in named.items()),
        )
