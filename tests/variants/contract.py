"""What pages, charts, command line, plans and exports need of a variant or calibration method."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
from plotly.validator_cache import ValidatorCache

from effq_core.base.settings import Home
from effq_core.charts.base import marker
from effq_core.cli.choices import parse_variants
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.calibration_methods import CalibrationMethod
from effq_core.experiment.variants import BASELINE, CATALOGUE, Ranges, Variant
from effq_core.pipeline.forecast import forecast
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.registry import stage_title
from effq_core.pipeline.stage import Plan, fingerprints
from effq_core.quantize.ranges import Observed, ranges_of
from effq_core.runtimes.registry import RUNTIMES

_DASHES = {"solid", "dot", "dash", "longdash", "dashdot", "longdashdot"}
_SMALL = {"evaluation_size": 30, "training_size": 40, "qat": Qat(epochs=1)}


def check_variant(row: Variant, home: Home) -> None:
    _look(row.name, row.title, row.colour, row.symbol)
    for text in (row.summary, row.good_for):
        _sentence(text)
    assert not row.explains.endswith(".")
    assert {row.beside, row.start_of, row.operators_of} <= {"", *CATALOGUE}
    assert row.runtime in RUNTIMES
    assert 0 < row.weight_bits <= 32 and 0 < row.activation_bits <= 32
    assert row.weight_bits / 32 <= row.size_share + 0.05 <= 1.1
    assert row.rounding
    _plan(row, home)
    assert parse_variants([row.name.replace("_", "-")]) == (row.name,)
    assert marker(row.name)["symbol"] == row.symbol and marker(row.name)["color"] == row.colour
    assert stage_title(f"convert:{row.name}") == f"Convert: {row.title}"


def _plan(row: Variant, home: Home) -> None:
    """Its stages are there, and depend on what the row says and on nothing else."""
    wanted = Experiment(variants=(row.name,), calibration=Calibration(size=20), **_SMALL)  # type: ignore[arg-type]
    assert {BASELINE, row.name, *row.needs} <= set(wanted.variants)
    plan, own = build_plan(wanted, home), f"convert:{row.name}"
    assert {own, f"inspect:{row.name}", f"evaluate:{row.name}"} <= {spec.name for spec in plan}
    assert plan["report"].inputs[f"file:{row.name}"] == own
    before = _before(plan, own)
    assert row.trained is any(name.startswith("finetune") for name in before)
    assert row.needs_calibration is ("pixels:calibration" in before)
    assert not row.training or row.training in before
    # Gates count the fake-quant operators of the graph that this stage made.
    assert row.ranges is not Ranges.FAKE_QUANT or row.training
    for name in before:
        about = name.partition(":")[2]
        assert about in ("", row.name, *wanted.variants, *row.steps) or name.startswith("pixels")
    [cost] = [part for part in forecast(wanted, home).parts if part.name == own]
    assert cost.bytes > 0 and cost.seconds > 0
    other = replace(wanted, calibration=Calibration(size=20, method="moving_average"))
    changed = fingerprints(plan)[own] != fingerprints(build_plan(other, home))[own]
    assert changed is row.uses_method


def _before(plan: Plan, name: str) -> set[str]:
    found = {name}
    for spec in reversed(tuple(plan)):
        if spec.name in found:
            found |= set(spec.needs)
    return found


def check_method(row: CalibrationMethod) -> None:
    _look(row.name, row.title, row.colour, row.symbol)
    _sentence(row.summary)
    assert row.dash in _DASHES
    told = Calibration(method=row.name, percentile=99.5).method_text
    assert told.startswith(row.title.lower()) and ("99.5 %" in told) is row.uses_percentile
    seen = _seen()
    low, high = ranges_of(seen, row.name, 99.0)
    assert np.isfinite(low).all() and np.isfinite(high).all()
    assert (low <= 0).all() and (high >= 0).all() and (low < high).all()
    assert (low >= np.minimum(seen.minima.min(axis=0), 0)).all()
    assert (high <= np.maximum(seen.maxima.max(axis=0), 0)).all()
    ends = [np.concatenate(ranges_of(seen, row.name, share)) for share in (90.0, 95.0, 100.0)]
    same = all(np.array_equal(a, b) for a, b in pairwise(ends))
    assert same is not row.uses_percentile
    blank = replace(seen, histograms=np.eye(*seen.histograms.shape, dtype=np.int64))
    unmoved = np.array_equal(ranges_of(blank, row.name, 99.0), (low, high))
    assert unmoved is not row.uses_histograms


def _seen() -> Observed:
    values = np.random.default_rng(3).normal(0.3, 1.0, (12, 400, 5)).astype(np.float32)
    counts = [np.histogram(values[..., t], 256, (-8, 8))[0] for t in range(5)]
    return Observed(
        values.min(axis=1), values.max(axis=1), np.array(counts, np.int64), np.full(5, 8.0)
    )


def _look(name: str, title: str, colour: str, symbol: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert title and title == title.strip() and "_" not in title
    assert re.fullmatch(r"#[0-9a-f]{6}", colour)
    validator = ValidatorCache.get_validator("scatter.marker", "symbol")
    assert validator.validate_coerce(symbol) == symbol
    assert validator.validate_coerce(f"{symbol}-open") == f"{symbol}-open"


def _sentence(text: str) -> None:
    """The rules of wording that can be told by rule."""
    assert text[0].isupper() or text[0].isdigit() or text.startswith(tuple(CATALOGUE))
    assert text.endswith(".") and "  " not in text and "_" not in text and "!" not in text
    assert len(text.split()) <= 20
