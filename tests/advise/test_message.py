"""Every sentence of advice: cases for the snapshot of words."""

from __future__ import annotations

import pytest

from effq_core.advise.message import SENTENCES, Message, say
from effq_core.measure.gates import Gate

GATE = Gate(name="no_float_tensors", passed=False, value=1, limit=0, n=9, detail="One is a float.")
ROUNDS = {"low": 2.4, "high": 4.0, "rounds": 5}
TESTED = {"difference": -1.2, "p": 0.0095}
CHANCE = say("chance", difference=-0.2, p=0.73, n=1966)
LOSSES = (
    CHANCE,
    say("worse", **TESTED, n=1966),
    say("better", difference=1.2, p=0.0095, n=1966),
    say("agreement", share=0.978, n=1),
)
SPEED = {"smaller": 3.3, "threads": 1, "loss": CHANCE}
BUSY = say("busy", variants=("float32", "int8", "int8_qat"), share=0.53)
BEYOND = (
    say("too_large", size=7_114_752, limit=6_656_000),
    say("too_slow", ms=16.9, threads=2, limit=8.0),
    say("untimed", threads=4),
    say("disturbed"),
    *(say("too_lossy", lost=0.7, limit=0.5, certain=certain) for certain in (False, True)),
    *(say("too_unlike", lost=2.2, limit=1.0, certain=certain) for certain in (False, True)),
)
NEEDS = (
    say("needs_size", size=7_114_752),
    say("needs_ms", ms=6.09),
    say("needs_drop", lost=0.2, certain=False),
    say("needs_unlike", lost=0.2, certain=True),
)
WHY = (
    say("slower", best="int8", ms=16.9, best_ms=6.17),
    say("larger", best="dynamic_range", size=7_114_752, best_size=6_583_296),
    say("less_alike", share=0.95, n=800),
    say("less_accurate", best="int8_qat", **TESTED),
    say("untimed", threads=4),
)
EASIER = (say("no_training"), say("no_calibration"), say("simpler"))
CASES = (
    say("photos_failed", gate=GATE),
    say("variant_failed", variant="int8", gate=GATE),
    say("too_few", n=60, low=-3.1, high=0.4),
    say("real_loss", lost=0.9, p=1e-4),
    say("separate", variant="int8", baseline="float32"),
    say("separate_reference", variant="int8", baseline="float32"),
    say("unsteady", **ROUNDS),
    say("steady", **ROUNDS),
    say("uneven", variant="int8", median=6.1, p90=9.2),
    BUSY,
    say("retime", busy=BUSY),
    say("trained"),
    *(say("gain", smaller=3.3, loss=loss) for loss in LOSSES),
    say("gain_faster", times=2.74, **SPEED),
    say("gain_same", times=0.98, **SPEED),
    say("gain_slower", times=0.7, **SPEED),
    say("your_file"),
    say("control", variant="int8_float_control"),
    say("failed", gate=GATE),
    *(say("beyond", limits=(each,)) for each in BEYOND),
    say("beyond", limits=BEYOND[:3]),
    say("untold"),
    *(say("beaten", fits=say("usable"), why=why) for why in WHY),
    say("beaten_later", fits=say("within"), equal=("speed", "accuracy"), why=WHY[1]),
    *(say("tied", fits=say("within"), best="int8", easier=each) for each in EASIER),
    say("nearest", variant="dynamic_range", needs=NEEDS[:1]),
    say("nearest", variant="int8_qat", needs=NEEDS),
    say("useless", gate=GATE),
    say("must_retime"),
    say("none"),
    say("alone", variant="float32"),
    say("stay", variant="float32", threads=2),
    say("recommended", variant="int8", gain=say("gain_faster", times=2.74, **SPEED)),
)


def keys(message: Message) -> set[str]:
    """Keys of a message and of all it is made of."""
    parts = [each for fact in message.facts.values() for each in _several(fact)]
    return {message.key}.union(*(keys(part) for part in parts))


def _several(fact: object) -> list[Message]:
    return [
        each for each in (fact if isinstance(fact, tuple) else (fact,)) if type(each) is Message
    ]


def test_every_sentence_is_among_the_cases() -> None:
    assert set().union(*map(keys, CASES)) == SENTENCES.keys()


@pytest.mark.parametrize("wrong", [say("no_such_key"), say("alone")])
def test_an_unknown_key_and_missing_facts_are_refused(wrong: Message) -> None:
    with pytest.raises(KeyError):
        assert wrong.text
