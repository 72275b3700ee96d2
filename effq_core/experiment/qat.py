"""How a model is fine-tuned."""

from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.setting import Axis, Described, Use, setting, titles


class QatLoss(StrEnum):
    """What fine-tuning minimises."""

    AUTO = "auto"  # ``labels`` where every training image has one, ``distill`` otherwise
    LABELS = "labels"  # Cross-entropy against the photos' labels
    DISTILL = "distill"  # Kullback-Leibler divergence from the float model; needs no labels


LOSSES = titles(QatLoss, "Automatic", "Labels", "Distillation")


_TRAINED = Use(
    variant=lambda variant: variant.trained,
    why="no chosen variant is fine-tuned",
    remedy="Add int8_qat",
)


@dataclass(frozen=True, kw_only=True)
class Qat(Described):
    """Settings of quantization-aware training; the defaults are the paper's."""

    PANEL = "Fine-tuning"

    epochs: int = setting(
        5, noun="number of QAT epochs", title="QAT epochs", help=tip("epochs"), bounds=(1, 100),
        option="--epochs", use=_TRAINED,
        axis=Axis(
            name="epochs", title="numbers of epochs",
            words=lambda epochs: fmt.counted(epochs, "epoch"), values=(1, 2, 3, 5, 10, 20),
        ),
    )  # fmt: skip
    learning_rate: float = setting(
        1e-5, noun="QAT learning rate", title="Learning rate", help=tip("learning_rate"),
        bounds=(1e-8, 1e-1), suggested=(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
        write=fmt.rate_text, option="--learning-rate", use=_TRAINED,
        axis=Axis(
            name="learning_rates", title="learning rates",
            words=lambda rate: f"learning rate {fmt.rate_text(rate)}",
        ),
    )  # fmt: skip
    batch_size: int = setting(
        32, noun="QAT batch size", title="Batch size", help=tip("batch_size"), bounds=(1, 256),
        suggested=(8, 16, 32, 64), option="--batch-size", use=_TRAINED,
    )  # fmt: skip
    loss: QatLoss = setting(
        QatLoss.AUTO, noun="loss", title="Loss", help=tip("loss"), choices=LOSSES, option="--loss",
        use=_TRAINED,
        axis=Axis(
            name="losses", title="losses", words=lambda loss: f"loss {LOSSES()[loss].lower()}"
        ),
    )  # fmt: skip
    validation_share: float = setting(
        0.1, noun="QAT validation share", title="Share held out",
        help="Share of the training photos held out to choose the best epoch.", bounds=(0.01, 0.5),
        step=0.05, digits=2, option="--validation-share", use=_TRAINED,
    )  # fmt: skip
