"""A rescue in plain words, all of them computed from what was measured."""

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.experiment import Experiment
from effq_core.experiment.calibration_methods import METHODS
from effq_core.measure.latency import NOT_TOGETHER, Ratio, quotient
from effq_core.rescue.outcome import Outcome, Tells
from effq_core.rescue.request import Remedy
from effq_core.rescue.story import Step, StepState, Story
from effq_core.store.rows import Status

_REMEDIES = {
    Remedy.PERCENTILE: "Percentile calibration",
    Remedy.MOVING_AVERAGE: "Moving-average calibration",
    Remedy.MORE_IMAGES: "More calibration images",
    Remedy.MIXED: "Worst blocks in floats",
    Remedy.QAT: "Quantization-aware training",
}
_STATES = {
    StepState.RUNNING: "Running",
    StepState.SKIPPED: "Skipped",
    StepState.TRIED: "Not enough",
    StepState.MET: "Limit met",
    StepState.FAILED: "Failed",
    StepState.CANCELLED: "Cancelled",
}


def remedy_title(remedy: Remedy) -> str:
    """Names a remedy for people."""
    return _REMEDIES[remedy]


def state_title(state: StepState) -> str:
    """Names a step's state for people."""
    return _STATES[state]


def step_title(remedy: Remedy | None, experiment: Experiment | None = None) -> str:
    """Names a step, such as ``Percentile calibration (99.99 %, 500 images)``."""
    title = "int8 as it is" if remedy is None else remedy_title(remedy)
    if experiment is None:
        return title
    calibration, parts = experiment.calibration, []
    if remedy is Remedy.QAT:
        parts.append(fmt.counted(experiment.qat.epochs, "epoch"))
    elif remedy not in (Remedy.PERCENTILE, Remedy.MOVING_AVERAGE):
        parts.append(calibration.method_text)
    elif METHODS[calibration.method].uses_percentile:
        parts.append(f"{calibration.percentile:g} %")
    parts.append(fmt.counted(calibration.size, "image"))
    return f"{title} ({', '.join(parts)})"


def title_of(step: Step) -> str:
    """Names a step; see :func:`step_title`."""
    return step_title(step.remedy, None if step.state is StepState.SKIPPED else step.experiment)


def points(value: float) -> str:
    """Writes a number of percentage points: ``0.3 points``."""
    text = fmt.decimals(value, 2)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} {'point' if text == '1' else 'points'}"


def limit_text(story: Story) -> str:
    """Says what the limit allows."""
    limit = story.rescue.max_drop_points
    base = story.base
    if base and base.outcome and not base.outcome.is_labelled:
        return f"another answer than float32's on {points(limit).split()[0]} % of the photos"
    return f"a loss of {points(limit)} of top-1"


def drop_text(outcome: Outcome) -> str:
    """Writes a loss: ``0.81 points (0.2 to 1.4)``; without labels, per cent of other answers."""
    low, high = fmt.decimals(outcome.drop_low, 2), fmt.decimals(outcome.drop_high, 2)
    unit = "points" if outcome.is_labelled else "%"
    return f"{fmt.decimals(outcome.drop_points, 2)} {unit} ({low} to {high})"


def loss_sentence(outcome: Outcome) -> str:
    """Says what a variant loses: the end of a sentence that begins with its name."""
    n = fmt.counted(outcome.n, "photo")
    low, high = fmt.decimals(outcome.drop_low, 2), fmt.decimals(outcome.drop_high, 2)
    interval = f"95 % interval {low} to {high}"
    if not outcome.is_labelled:
        return (
            f"differs from float32 on {fmt.decimals(outcome.drop_points, 2)} % of {n} "
            f"without labels ({interval} %)"
        )
    interval += f", {fmt.p_value(outcome.p)}"
    if outcome.drop_points < 0:
        return f"gains {points(-outcome.drop_points)} of top-1 on {n} (loss: {interval})"
    return f"loses {points(outcome.drop_points)} of top-1 on {n} ({interval})"


def cost_text(step: Step) -> str:
    """Writes what a step took: ``41 s (27 of 31 stages cached)``."""
    if step.seconds is None:
        return "measured before" if step.outcome else fmt.NOTHING
    took = fmt.duration(step.seconds)
    if not step.cached:
        return took
    return f"{took} ({fmt.count(step.cached)} of {fmt.counted(step.stages, 'stage')} cached)"


def extra_size(outcome: Outcome, base: Outcome) -> float:
    """Returns how much larger than int8 a file is, in per cent."""
    return 100 * (outcome.size_bytes / base.size_bytes - 1)


def extra_latency(outcome: Outcome, base: Outcome) -> tuple[str, Ratio] | None:
    """Returns threads, and the time relative to int8, by speed-ups; ``None`` untimed."""
    shared = sorted(set(outcome.latency_ms) & set(base.latency_ms), key=int)
    if not shared:
        return None
    count = shared[0]
    if count in outcome.speedup and count in base.speedup:
        return count, quotient(base.speedup[count], outcome.speedup[count])
    times = outcome.latency_ms[count] / base.latency_ms[count]
    busy = outcome.disturbed or base.disturbed
    return count, Ratio(times=times, low=times, high=times, rounds=0, disturbed=busy)


def price_text(outcome: Outcome, base: Outcome) -> str:
    """Says what a variant costs where it runs, against int8 as it is."""
    extra = extra_size(outcome, base)
    if abs(extra) < 0.05:
        size = "as large as int8"
    else:
        size = f"{fmt.decimals(abs(extra), 1)} % {'larger' if extra > 0 else 'smaller'} than int8"
    timed = extra_latency(outcome, base)
    if timed is None:
        return size
    threads, ratio = timed
    doubt = "" if ratio.together else f", {NOT_TOGETHER}"
    busy = f"{doubt}, timed while the processor was busy" if ratio.disturbed else doubt
    return f"{size}, {ratio.text} its time on {fmt.counted(int(threads), 'thread')}{busy}"


def verdict(story: Story) -> list[str]:
    """Says what came of a rescue, in sentences; none before anything was measured."""
    base = story.base
    if base is None or base.outcome is None:
        return []
    found = [_about_base(story, base.outcome)]
    if base.state is not StepState.MET and not story.status.is_active:
        found.append(_about_end(story, base.outcome))
    best = story.met or story.nearest
    if best is not None and best.outcome is not None and not story.status.is_active:
        found.append(_about_telling(best.outcome, story.rescue.max_drop_points))
        found += _about_choice(story, base.outcome.n)
    if not all(step.outcome.same_float32 for step in story.measured if step.outcome):
        found.append(
            "In some steps float32 itself is another model, because its new head was trained on "
            "other photos: each step is compared with its own."
        )
    if not story.status.is_active:
        found += _about_untried(story)
    return found


def _about_base(story: Story, base: Outcome) -> str:
    start = f"int8 as it is {loss_sentence(base)}"
    allowed = points(story.rescue.max_drop_points)
    unit = allowed if base.is_labelled else f"{allowed.split()[0]} %"
    if base.meets(story.rescue.max_drop_points):
        return f"{start}, within the {unit} allowed: nothing needs rescuing."
    within = base.drop_points <= story.rescue.max_drop_points
    ends = [] if within else [f"more than the {unit} allowed"]
    if base.failed_gates:
        ends.append(f"and does not pass its checks ({', '.join(base.failed_gates)})")
    return f"{start}, {', '.join(ends)}."


def _about_end(story: Story, base: Outcome) -> str:
    met = story.met
    if met is not None and met.outcome is not None:
        return f"{title_of(met)} meets the limit: {_gave(met, met.outcome, base)}"
    tried = [step for step in story.measured if step.remedy is not None]
    stopped = {
        Status.CANCELLED: "It was cancelled before the limit was met. ",
        Status.INTERRUPTED: "It was interrupted before the limit was met. ",
        Status.FAILED: f"It failed before the limit was met: {story.error} ",
    }.get(story.status, "")
    if not tried:
        return f"{stopped}No remedy was measured."
    head = stopped or (
        f"None of the {fmt.counted(len(tried), 'remedy', 'remedies')} measured holds the limit. "
        if len(tried) > 1
        else "The one remedy that was measured does not hold the limit. "
    )
    best = story.nearest
    if best is None or best.outcome is None or best.remedy is None:
        return f"{head}None is better than int8 as it is."
    return f"{head}{title_of(best)} comes nearest: {_gave(best, best.outcome, base)}"


def _gave(step: Step, outcome: Outcome, base: Outcome) -> str:
    kept = f" Kept in floats: {', '.join(outcome.kept)}." if outcome.kept else ""
    return (
        f"it {loss_sentence(outcome)}. {_recovered(outcome, base)}Cost: {cost_text(step)}; "
        f"{price_text(outcome, base)}.{kept}"
    )


def _recovered(outcome: Outcome, base: Outcome) -> str:
    if base.drop_points <= 0 or outcome.drop_points >= base.drop_points:
        return ""
    if base.p is not None and base.p >= SIGNIFICANCE:
        return "int8's own loss is consistent with chance, so there is none to recover for sure. "
    share = (base.drop_points - outcome.drop_points) / base.drop_points
    if share >= 1:
        return "The whole loss is recovered. "
    return f"{fmt.percent(share, 0)} of the loss is recovered. "


def _about_telling(outcome: Outcome, limit: float) -> str:
    n = fmt.counted(outcome.n, "photo")
    match outcome.tells(limit):
        case Tells.WITHIN:
            return f"{n} are enough to tell: the whole interval is within the limit."
        case Tells.BEYOND:
            return f"{n} are enough to tell: the whole interval is beyond the limit."
        case Tells.OPEN:
            return (
                f"{n} are not enough to be sure: the limit lies in the interval, so the true loss "
                "may be on its other side. More evaluation photos narrow it."
            )


def _about_choice(story: Story, n: int) -> list[str]:
    looks = len(story.measured)
    if looks < 2:
        return []
    return [
        f"{looks} files were judged on the same {fmt.counted(n, 'photo')}: the best of several "
        "looks a little better there than it is. Before shipping, measure it once on other photos."
    ]


def _about_untried(story: Story) -> list[str]:
    seen = {step.remedy for step in story.steps}
    unneeded = [remedy for remedy in story.rescue.remedies if remedy not in seen]
    found = [
        f"{title_of(step)} was {'skipped' if step.state is StepState.SKIPPED else 'not measured'}:"
        f" {step.why}"
        for step in story.steps
        if step.outcome is None and step.why
    ]
    if unneeded and story.met is not None:
        names = ", ".join(remedy_title(remedy).lower() for remedy in unneeded)
        found.append(f"Not needed: {names}.")
    return found
