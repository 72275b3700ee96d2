"""``effq layers``: which blocks of a run's model lose accuracy in int8, and what was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from effq_core.base import formatting as fmt
from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.layer_bits import print_bits, print_widths
from effq_core.cli.setting_options import ASKED, option, with_options
from effq_core.cli.show import AsJson
from effq_core.experiment import Experiment
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.mixed import Layers
from effq_core.experiment.variants import FITTED

if TYPE_CHECKING:
    from effq_core.layers.effect_record import BlockEffect, EffectKind, EffectRecord
    from effq_core.layers.trial_record import Suggestion
    from effq_core.results import Results

_SHOWN_LAYERS = 15


@with_options(lambda: [option(each) for each in ASKED if each.part == "layers"])
def layers(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run's id or the start of it, its name, latest, or reference."
        ),
    ],
    json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    **chosen: Any,
) -> None:
    """Show which blocks and layers lose accuracy in int8, and the mixed files that were tried.

    Where nobody has looked yet, or other options are given, the run's experiment runs again with
    the layers asked for; everything else is reused.
    """
    from effq_core.cli import choices, output
    from effq_core.layers.access import find_evidence
    from effq_core.layers.bits import block_bits, find_fits, find_widths, low_bit_variants
    from effq_core.layers.effect_record import EffectRecord
    from effq_core.layers.trial_record import Suggestion
    from effq_core.layers.width_record import WidthRecord

    given = {path.rpartition(".")[2]: each for path, each in choices.given(chosen).items()}
    results = _results(run, given, as_json=json, quiet=quiet)
    found = find_evidence(results)
    if found is None or found.effect is None:
        message = f"There is no layer analysis of {run}."
        raise InputError(message, "`effq layers latest` analyses the latest run.")
    effect = EffectRecord.load(found.effect)
    searches = (*found.suggestions, *find_fits(results))
    suggestions = [Suggestion.load(folder) for folder in searches]
    blocks = {name: block_bits(results, name) for name in low_bit_variants(results)}
    folder = find_widths(results)
    widths = WidthRecord.load(folder) if folder else None
    if json:
        plain = [suggestion.to_dict() for suggestion in suggestions]
        output.print_json(
            {
                "effect": effect.to_dict(),
                "suggestions": plain,
                "bits": blocks,
                "widths": widths.to_dict() if widths else None,
            }
        )
        return
    _print_effect(effect)
    if blocks:
        print_bits(blocks)
    if widths is not None:
        print_widths(widths)
    for suggestion in suggestions:
        _print_trials(suggestion)


def _results(run: str, given: dict[str, Any], *, as_json: bool, quiet: bool) -> Results:
    from effq_core.layers.access import find_evidence
    from effq_core.results import REFERENCE, find_run, load_reference, load_results
    from effq_core.store.database import Database

    if run == REFERENCE:
        return load_reference()
    home = Home.from_environment()
    with Database(home.database) as database:
        row = find_run(database, run, with_results=True)
    experiment = Experiment.from_dict(row.experiment)
    asked = experiment.layers or Layers()
    if row.results is not None:
        results = load_results(home, row)
        known = find_evidence(results)
        if known is not None and known.effect is not None:
            asked = known.asked or asked
            if asked.changed(given) == asked:
                return results
    return _look(home, experiment, asked.changed(given), row.name, as_json=as_json, quiet=quiet)


def _look(
    home: Home, experiment: Experiment, asked: Layers, name: str, *, as_json: bool, quiet: bool
) -> Results:
    from effq_core.cli import output, work
    from effq_core.layers.access import looking
    from effq_core.pipeline.control import enter
    from effq_core.pipeline.plan import build_plan
    from effq_core.results import load_results
    from effq_core.store.database import Database
    from effq_core.store.rows import Status

    experiment = looking(experiment, asked)
    build_plan(experiment, home)  # what cannot be planned leaves no run behind
    with Database(home.database) as database:
        run_id = enter(home, database, experiment, f"{name}, layers" if name else "")
    console = output.stderr() if as_json else output.stdout()
    ended = work.drive(home, run_id, console=console, quiet=quiet)
    if ended.status is not Status.FINISHED:
        work.give_up(ended)
    return load_results(home, ended)


def _print_effect(record: EffectRecord) -> None:
    from effq_core.layers.effect_record import EffectKind

    photos = fmt.counted(record.images, "calibration photo")
    same = record.baseline_agreement
    output.say(
        f"All in int8 ({METHODS[record.method].title}): {fmt.millinats(record.baseline_kl)} of "
        f"divergence from float32, the same answer on "
        f"{fmt.share_with_interval(same.share, same.low, same.high)} of {photos}."
    )
    _print_ranking(record, EffectKind.GROUP, "The same part of every block")
    _print_ranking(record, EffectKind.BLOCK, "Blocks, worst first")
    _print_ranking(record, EffectKind.LAYER, "Layers of the blocks that matter, worst first")
    if record.not_reached:
        output.say(
            f"Not reached in {fmt.duration(record.budget_seconds)}: "
            f"{', '.join(record.not_reached)}. --layer-budget gives more time."
        )


def _print_ranking(record: EffectRecord, kind: EffectKind, title: str) -> None:
    found = record.ranked(kind)
    if not found:
        return
    more = len(found) - _SHOWN_LAYERS if kind.value == "layer" else 0
    shown = found[: len(found) - more] if more > 0 else found
    if more > 0:
        title += f" ({fmt.count(more)} more with --json)"
    numbers = ("Alone in int8", "Agreement", "Alone in floats", "Gain", "Extra (16 bits)")
    made = output.table(kind.value.capitalize(), *numbers, title=title, right=numbers)
    for effect in shown:
        made.add_row(output.safe(effect.name), *_numbers(record, effect))
    output.say("")
    output.stdout().print(made)


def _numbers(record: EffectRecord, effect: BlockEffect) -> tuple[str, ...]:
    only, gain = effect.only_agreement, record.gain(effect)
    return (
        fmt.millinats(effect.only_kl),
        fmt.share_with_interval(only.share, only.low, only.high),
        fmt.NOTHING if effect.without_kl is None else fmt.millinats(effect.without_kl),
        fmt.NOTHING if gain is None else fmt.millinats(gain),
        fmt.NOTHING if effect.extra_float16 is None else fmt.kib(effect.extra_float16),
    )


def _print_trials(found: Suggestion) -> None:
    lost = "Drop" if found.labelled else "Disagrees"
    numbers = (lost, "Top-1", "Divergence", "Extra size", "1 thread", "Of int8")
    title = f"Files tried, on {fmt.counted(found.choice.n, f'{found.photos} photo')}"
    what = "Layers by bits" if found.variant == FITTED else "Kept in floats"
    made = output.table(what, *numbers, "Limits", title=title, right=numbers)
    for trial in found.trials:
        chosen = "→ " if trial is found.choice else ""
        top1 = trial.top1
        made.add_row(
            output.safe(f"{chosen}{trial.what or 'nothing (int8)'}"),
            f"{fmt.decimals(trial.drop_points, 2)} {'points' if found.labelled else '%'}",
            fmt.share_with_interval(top1.share, top1.low, top1.high) if top1 else fmt.NOTHING,
            fmt.millinats(trial.kl),
            f"{fmt.decimals(trial.extra_size, 1)} %",
            f"{fmt.milliseconds(trial.latency_ms)}{' (busy)' if trial.busy else ''}",
            trial.time.text,
            "held" if trial.ok else output.safe(trial.why),
        )
    output.say("")
    output.stdout().print(made)
    output.say(found.sentence)
