"""Results as flat rows, for CSV files and tables. Every column's name says its unit."""

from effq_core.base.intervals import Proportion
from effq_core.results.document import Results, VariantResult

Cell = str | int | float | None
Row = dict[str, Cell]

# Columns each thread count has, named as in :class:`~effq_core.measure.latency.LatencyReport`.
_TIMES = ("median_ms", "median_low_ms", "median_high_ms", "mean_ms", "p90_ms", "p99_ms", "min_ms",
          "std_ms", "cold_start_ms", "load_ms", "first_invoke_ms", "images_per_second",
          "peak_memory_kib")  # fmt: skip


def rows(results: Results) -> list[Row]:
    """Flattens results to rows of the same columns; ``None`` is what was not measured."""
    return [_row(results, variant) for variant in results.variants.values()]


def _row(results: Results, variant: VariantResult) -> Row:
    accuracy, comparison = variant.accuracy, variant.comparison
    row: Row = {
        "variant": variant.name,
        "title": variant.title,
        "size_bytes": variant.file.size_bytes,
        "size_kib": variant.file.size_kib,
        "times_smaller": variant.compression,
        "saved_percent": variant.saved_percent,
        "evaluation_images": accuracy.n,
        **_share("top1", accuracy.top1),
        **_share("top5", accuracy.top5),
        "calibration_error_percent": _percent(accuracy.calibration_error),
    }
    for column, attribute in (
        ("difference_points", "difference_points"),
        ("difference_low_points", "low_points"),
        ("difference_high_points", "high_points"),
        ("mcnemar_p", "p"),
        ("flips_worse_images", "worse"),
        ("flips_better_images", "better"),
        ("detectable_points", "detectable_points"),
        ("kl_nats", "kl"),
        ("max_probability_difference", "max_difference"),
    ):
        row[column] = None if comparison is None else getattr(comparison, attribute)
    row |= _share("agreement", None if comparison is None else comparison.agreement)
    for threads in results.threads:
        row |= _latency(results, variant, threads)
    failed = variant.failed_gates
    fake_quant = (variant.training or {}).get("fake_quant", {})
    return row | {
        "operators": variant.file.main_ops,
        "delegated_percent": _percent(variant.file.delegated_share),
        "delegated_partitions": variant.file.partitions,
        "rounding": variant.rounding_rule,
        "float_tensors": len(variant.file.has_float_tensors),
        "fake_quant_per_channel": fake_quant.get("per_channel"),
        "fake_quant_per_tensor": fake_quant.get("per_tensor"),
        "best_epoch": (variant.training or {}).get("best_epoch"),
        "gates_passed": len(variant.gates) - len(failed),
        "gates_failed": len(failed),
        "failed_gates": " ".join(gate.name for gate in failed),
        "sha256": variant.file.sha256,
    }


def _latency(results: Results, variant: VariantResult, threads: int) -> Row:
    timing = variant.timing(threads)
    start = f"threads_{threads}_"
    row: Row = {start + c: None if timing is None else getattr(timing, c) for c in _TIMES}
    ratio = results.speedup(variant.name, threads)
    row[start + "times_faster"] = None if ratio is None else ratio.times
    together = ratio is not None and ratio.together
    row[start + "times_faster_low"] = ratio.low if ratio and together else None
    row[start + "times_faster_high"] = ratio.high if ratio and together else None
    row[start + "rounds"] = None if ratio is None else ratio.rounds
    row[start + "disturbed"] = None if ratio is None else "yes" if ratio.disturbed else "no"
    row[start + "others_percent"] = None if timing is None else _percent(timing.others_share)
    return row


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _share(name: str, share: Proportion | None) -> Row:
    ends = (None, None, None) if share is None else (share.share, share.low, share.high)
    columns = (f"{name}_percent", f"{name}_low_percent", f"{name}_high_percent")
    return {column: _percent(end) for column, end in zip(columns, ends, strict=True)}
