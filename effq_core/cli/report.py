"""The results of a run as tables and sentences for a terminal."""

from rich.console import Console
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.cli.output import table
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.gates import Gate
from effq_core.measure.latency import MARK, NOT_TOGETHER
from effq_core.results import Results, VariantResult
from effq_core.results.subject import head_text, training_text
from effq_core.results.warnings import About

_SAID = (About.GATE, About.BUSY, About.FEW)  # what tables, gates and sentences have told


def print_results(console: Console, results: Results) -> None:
    """Prints what was found: tables first, then what they mean and whether to believe them."""
    _print_subject(console, results)
    _print_accuracy(console, results)
    console.print()
    _print_speed(console, results)
    _print_sentences(console, results)
    _print_trust(console, results)
    _print_origin(console, results)


def _print_subject(console: Console, results: Results) -> None:
    n = fmt.counted(results.baseline.accuracy.n, "evaluation photo")
    size = results.model["image_size"]
    line = f"{results.model['title']} at {size} × {size} on {results.dataset['title']}, {n}"
    console.print(Text(line, style="bold"), soft_wrap=True)
    console.print(Text(f"Head: {head_text(results)}.\n", style="dim"), soft_wrap=True)


def _print_accuracy(console: Console, results: Results) -> None:
    columns = ("Size", "Smaller", "Top-1 (95 %)", "Difference", "Exact p", "Worse/better", "Same")
    made = table("Variant", *columns, right=columns)
    for variant in results.variants.values():
        top1, comparison = variant.accuracy.top1, variant.comparison
        made.add_row(
            _name(variant),
            fmt.kib(variant.file.size_bytes),
            fmt.ratio(variant.compression),
            fmt.share_with_interval(top1.share, top1.low, top1.high) if top1 else fmt.NOTHING,
            fmt.points(comparison.difference_points) if comparison else fmt.NOTHING,
            fmt.p_value(comparison.p) if comparison else fmt.NOTHING,
            _flips(variant),
            fmt.percent(comparison.agreement.share) if comparison else fmt.NOTHING,
        )
    console.print(made)
    line = Text(
        "Difference: top-1 against float32 on the same photos, with the p of the exact McNemar "
        "test. Worse/better: photos that flipped. Same: photos with the same answer.",
        style="dim",
    )
    console.print(line)


def _print_speed(console: Console, results: Results) -> None:
    timed = [fmt.counted(threads, "thread") for threads in results.threads]
    columns = (*timed, "Cold start", "Memory", "Delegated")
    made = table("Variant", *columns, "Gates", right=columns)
    for variant in results.variants.values():
        first = variant.latency[0] if variant.latency else None
        made.add_row(
            _name(variant),
            *(_speed(results, variant, threads) for threads in results.threads),
            fmt.milliseconds(first.cold_start_ms if first else None),
            fmt.size(first.peak_memory_kib * 1024 if first else None),
            fmt.percent(variant.file.delegated_share, 0),
            _gates(variant.gates),
        )
    console.print(made)
    fast = dict.fromkeys(results.runtime(name).fast_kernels for name in results.variants)
    line = (
        "Threads: median of one photo, and how many times faster than float32"
        f"{_how_timed(results)}. Cold start: loading and the first photo. Delegated: operators "
        f"on {', '.join(fast)}'s fast kernels."
    )
    console.print(Text(line, style="dim"))


def _how_timed(results: Results) -> str:
    found = [results.speedup(name, threads) for name in results.variants
             for threads in results.threads]  # fmt: skip
    rounds = {ratio.rounds for ratio in found if ratio is not None}
    if rounds and min(rounds) > 0:
        return f", the median of {min(rounds)} rounds timed in turn"
    return f" ({NOT_TOGETHER})"


def _print_sentences(console: Console, results: Results) -> None:
    sentences = [v.sentence for v in results.variants.values() if v.sentence]
    if sentences:
        console.print()
    for sentence in sentences:
        console.print(Text(sentence), soft_wrap=True)


def _print_trust(console: Console, results: Results) -> None:
    failed = [(about, gate) for about, gate in results.checks if not gate.passed]
    console.print()
    if not failed:
        console.print(Text(f"All {len(results.checks)} gates passed.", style="green"))
    for about, gate in failed:
        title = about.title if about else "The samples"
        text = f"Gate failed: {title}, {gate.rule.title} ({gate.name}). {gate.text}"
        console.print(Text(text, style="bold red"), soft_wrap=True)
    for variant in results.variants.values():
        if variant.training:
            console.print(Text(f"{variant.title}: {training_text(variant)}."), soft_wrap=True)
    for warning in _warnings(results):
        console.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)


def _warnings(results: Results) -> list[str]:
    timings = [timing for variant in results.variants.values() for timing in variant.latency]
    busy = [timing for timing in timings if timing.disturbed]
    found = [each.text for each in results.warnings if each.about not in _SAID]
    if busy:
        most = fmt.percent(max(timing.others_share for timing in busy), 0)
        found.append(
            f"Other processes were busy during {len(busy)} of {len(timings)} measurements (up to "
            f"{most} of the processor): times marked {MARK} are too long, and speed-ups marked "
            f"{MARK} are unreliable. Close them and run again with --remeasure."
        )
    return found


def _print_origin(console: Console, results: Results) -> None:
    machine = results.hardware
    flags = f" ({', '.join(machine.flags)})" if machine.flags else ""
    lines = (
        f"{machine.cpu}, {fmt.counted(machine.logical_cores, 'hardware thread')}{flags}, "
        f"{fmt.size(machine.memory_bytes)}, {machine.system}, Python {machine.python}",
        ", ".join(f"{name} {version}" for name, version in results.versions.items()),
        f"Seed {results.experiment.seed}. {_samples(results)}",
    )
    console.print()
    for line in lines:
        console.print(Text(line, style="dim"), soft_wrap=True)


def _samples(results: Results) -> str:
    parts = [
        f"{r} {fmt.count(s['count'])}" + (f" ({len(s['skipped'])} skipped)" if s["skipped"] else "")
        for r, s in results.samples.items()
    ]
    return f"Photos: {', '.join(parts)}."


def _name(variant: VariantResult) -> Text:
    return Text(variant.title, style=get_variant(variant.name).colour)


def _flips(variant: VariantResult) -> str:
    comparison = variant.comparison
    if comparison is None or comparison.worse is None or comparison.better is None:
        return fmt.NOTHING
    return f"{fmt.count(comparison.worse)} / {fmt.count(comparison.better)}"


def _speed(results: Results, variant: VariantResult, threads: int) -> str:
    timing = variant.timing(threads)
    if timing is None:
        return fmt.NOTHING
    ratio = results.speedup(variant.name, threads)
    own = MARK if timing.disturbed else ""
    faster = f" ({ratio.text})" if ratio is not None and variant.name != BASELINE else ""
    return f"{fmt.milliseconds(timing.median_ms)}{own}{faster}"


def _gates(gates: tuple[Gate, ...]) -> Text:
    failed = [gate.name for gate in gates if not gate.passed]
    if not failed:
        return Text(f"{len(gates)} passed", style="green")
    return Text(f"{len(failed)} of {len(gates)} failed: {', '.join(failed)}", style="red")
