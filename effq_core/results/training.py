"""How a variant was trained, and which epoch of it is the file that ships. Pure functions."""

from effq_core.base import formatting as fmt
from effq_core.results.document import Results, VariantResult


def training_text(variant: VariantResult) -> str:
    """Says how a variant's weights or ranges were made: operators, photos, loss, epoch shipped."""
    training = variant.training or {}
    parts = []
    if counted := training.get("fake_quant"):
        parts.append(
            f"{fmt.count(counted['per_channel'])} per-channel and "
            f"{fmt.count(counted['per_tensor'])} per-tensor fake-quant operators"
        )
    history = training.get("history")
    if not history:
        return "; ".join([*parts, "ranges calibrated, no training step"])
    epochs = fmt.counted(len(history) - 1, "epoch")
    photos = f"{fmt.counted(training['images'], 'photo')} ({fmt.count(history[-1]['n'])} held out)"
    parts.append(f"{epochs} on {photos}, loss {training['loss']}")
    return "; ".join([*parts, shipped_epoch(variant)])


def shipped_epoch(variant: VariantResult) -> str:
    """Names the epoch whose weights a variant's file holds; empty where nothing was trained."""
    training = variant.training or {}
    history = training.get("history")
    if not history:
        return ""
    return (
        f"epoch {training['best_epoch']} of {len(history) - 1} is shipped, the best on the "
        "held-out photos"
    )


def shipped_epochs(results: Results) -> str:
    """Names the epoch that each trained variant of a run ships; empty where none was trained."""
    trained = [(each.title, shipped_epoch(each)) for each in results.variants.values()]
    return "; ".join(f"{title}: {text}" for title, text in trained if text)
