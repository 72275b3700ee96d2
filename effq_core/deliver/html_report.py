"""A run's results as one HTML file of 5 MB that needs neither a network nor EffQ."""

import html
from collections.abc import Iterable, Sequence

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from effq_core.advise.recommend import Limits, headline, recommend
from effq_core.base import formatting as fmt
from effq_core.charts.bars import sizes
from effq_core.charts.base import alt_text
from effq_core.charts.classes import confusion
from effq_core.charts.differences import against_float32
from effq_core.charts.latency import distribution
from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.charts.training import held_out_accuracy, losses
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.statistics import sentence
from effq_core.results.columns import columns
from effq_core.results.document import Results, class_names
from effq_core.results.paper import beside_paper
from effq_core.results.subject import facts, settings
from effq_core.results.table import rows

_CONFIG = {"displaylogo": False, "responsive": True, "displayModeBar": False}
_MAIN = (
    *("size_kib", "times_smaller", "top1_percent", "top1_low_percent", "top1_high_percent"),
    *("difference_points", "mcnemar_p", "flips_worse_images", "flips_better_images"),
    "agreement_percent",
)
"""Columns of the first table, besides those of latency."""
_SPEED = ("median_ms", "times_faster", "times_faster_low", "times_faster_high")
_LONG = 32  # characters of what is no number any more
# Without any address in it: the report must work offline. Light only.
_STYLE = """\
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b2326; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 40px 0 8px; border-bottom: 1px solid #d5dbde; padding-bottom: 4px; }
h3 { font-size: 1rem; margin: 16px 0 4px; }
.facts { color: #56636a; margin: 0 0 12px; }
.verdict { border-left: 4px solid #0f766e; background: #f0f7f6; margin: 12px 0; }
.verdict { padding: 10px 14px; }
.verdict p { margin: 0; font-weight: 600; }
.verdict ul { margin: 6px 0 0; }
.doubtful { border-color: #b45309; background: #fdf6ec; }
figure { margin: 8px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid #e3e8ea; padding: 4px 8px; text-align: left; }
th, td { vertical-align: top; }
th { color: #56636a; font-weight: 600; vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.long { overflow-wrap: anywhere; min-width: 9em; font-size: 11px; }
td:first-child { white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 12px; }
dt { color: #56636a; }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: #0f766e; }
@media print { details { display: block; } figure { break-inside: avoid; } }
"""


def html_report(results: Results, title: str) -> str:
    """Writes a run's results as one page, all text escaped; may raise StoreError."""
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="facts">{_text(" · ".join(facts(results)))}</p>',
        _verdict(results),
        _section("The trade-off", _tradeoffs(results)),
        _section("In numbers", [_main_table(results), _sentences(results)]),
        _section("Size", [_figure(sizes(results))]),
        _section("Is the difference real?", _differences(results)),
        _section("Latency", [_figure(distribution(results, n)) for n in results.threads]),
        _section("Training", _training(results)),
        _section("Confusion", _confusion(results)),
        _section("Beside the paper", [_list(beside_paper(results).differences)]),
        _section("Checks", [_checks(results), _warnings(results)]),
        _section("How it was measured", [_pairs(settings(results)), _versions(results)]),
        _section("Every number", [_whole_table(results)]),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)} · EffQ Studio</title>\n<style>{_STYLE}</style>\n"
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _section(title: str, parts: Iterable[str]) -> str:
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{_text(title)}</h2>\n{content}\n</section>" if content else ""


def _figure(figure: go.Figure) -> str:
    shown = go.Figure(figure).update_layout(template="plotly_white")
    drawn = shown.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG)
    return f'<figure role="img" aria-label="{_text(alt_text(figure))}">{drawn}</figure>'


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    found = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in pairs)
    return f"<dl>{found}</dl>"


def _table(head: Sequence[str], body: Iterable[Sequence[str]], *, text_columns: int = 1) -> str:
    def cells(values: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{_cell_class(value, place < text_columns)}>{_text(value)}</{tag}>"
            for place, value in enumerate(values)
        )

    lines = "".join(f"<tr>{cells(values, 'td')}</tr>" for values in body)
    return (
        f'<div class="wide"><table><thead><tr>{cells(head, "th")}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _cell_class(value: str, is_text: bool) -> str:
    """Returns a cell's class: a hash, which has no place to break, may break anywhere."""
    if is_text:
        return ""
    return " class=long" if len(value) > _LONG and " " not in value else " class=number"


def _verdict(results: Results) -> str:
    outcome = headline(results)
    kind = "verdict" if outcome.sure else "verdict doubtful"
    sign = "" if outcome.sure else "<b>Treat with caution.</b> "
    cautions = _list([each.text for each in outcome.cautions])
    lines = [f'<div class="{kind}"><p>{sign}{_text(outcome.text)}</p>{cautions}</div>']
    found = recommend(results, Limits(threads=results.threads[0]))
    others = [
        f"{get_variant(verdict.name).title}: {verdict.reason.text}" for verdict in found.others
    ]
    if others:
        lines.append(f"<details><summary>Why not the others</summary>{_list(others)}</details>")
    return "\n".join(lines)


def _tradeoffs(results: Results) -> list[str]:
    figures = [tradeoff(results, Against.SIZE)]
    figures += [
        tradeoff(results, Against.LATENCY, threads=threads, paper=False)
        for threads in results.threads
    ]
    return [_figure(figure) for figure in figures]


def _main_table(results: Results) -> str:
    wanted = [*_MAIN, *(f"threads_{n}_{name}" for n in results.threads for name in _SPEED)]
    by_name = {column.name: column for column in columns(results)}
    table = rows(results)
    shown = [by_name[name] for name in wanted if any(row[name] is not None for row in table)]
    heads = [
        f"{column.title}, {fmt.counted(column.threads, 'thread')}"
        if column.threads
        else column.title
        for column in shown
    ]
    body = [[str(row["title"]), *(column.text_of(row) for column in shown)] for row in table]
    return _table(["Variant", *heads], body)


def _whole_table(results: Results) -> str:
    table = rows(results)
    body = [
        [
            f"{column.title} ({fmt.counted(column.threads, 'thread')})"
            if column.threads
            else column.title,
            *(column.text_of(row) for row in table),
        ]
        for column in columns(results)
    ]
    head = ["", *(str(row["title"]) for row in table)]
    return f"<details><summary>Show the table</summary>{_table(head, body)}</details>"


def _sentences(results: Results) -> str:
    return _list(
        sentence(variant.comparison, results.baseline.title, variant.title)
        for variant in results.variants.values()
        if variant.comparison is not None
    )


def _differences(results: Results) -> list[str]:
    figure = against_float32(results)
    if figure is None:
        return []
    note = (
        "Filled markers differ significantly from float32 (exact McNemar, p below 0.05); hollow "
        "ones are consistent with chance. The band is ±1 point."
    )
    return [_figure(figure), f"<p>{_text(note)}</p>"]


def _training(results: Results) -> list[str]:
    histories = {
        variant.name: variant.training["history"]
        for variant in results.variants.values()
        if variant.training and variant.training.get("history")
    }
    if not histories:
        return []
    figures = [losses(histories), held_out_accuracy(histories)]
    return [_figure(figure) for figure in figures if figure is not None]


def _confusion(results: Results) -> list[str]:
    if results.baseline.accuracy.top1 is None:
        return []
    names = class_names(results)
    chosen = recommend(results, Limits(threads=results.threads[0])).chosen
    shown = dict.fromkeys((BASELINE, chosen.name if chosen else BASELINE))
    return [
        f"<h3>{_text(get_variant(name).title)}</h3>"
        + _figure(confusion(results.variants[name].accuracy, names))
        for name in shown
    ]


def _checks(results: Results) -> str:
    outcomes = {True: "passed", False: "FAILED"}
    body = [
        [about.title if about else "The photos", gate.rule.title, outcomes[gate.passed], gate.text]
        for about, gate in results.checks
    ]
    return _table(["About", "Check", "Outcome", "Numbers"], body, text_columns=4)


def _warnings(results: Results) -> str:
    found = _list(warning.text for warning in results.warnings)
    return f"<h3>Warnings</h3>{found}" if found else ""


def _versions(results: Results) -> str:
    found = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return f'<p class="facts">{_text(found)}</p>'
