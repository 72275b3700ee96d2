"""The report, from what the stages before it would have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.measure.accuracy import score
from effq_core.measure.gates import GATES, Gate
from effq_core.measure.gates.fake_quant_count import expected_fake_quant
from effq_core.measure.predictions import Predictions
from effq_core.photos.index import ImageItem, items_to_json
from effq_core.photos.pixels import ITEMS_FILE, PIXELS_FILE
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages.measure import LATENCY_FILE, write_json
from effq_core.pipeline.stages.report import report
from effq_core.results.warnings import About, Warned, warnings_of
from effq_core.runtimes.file_report import FileReport
from effq_core.store.manifest import (
    KERAS_FILE,
    LABELS_FILE,
    LOOKALIKES_FILE,
    MODEL_FILE,
    RESULTS_FILE,
)

V2_B0 = {
    "CONV_2D": 75,
    "LOGISTIC": 71,
    "MUL": 71,
    "DEPTHWISE_CONV_2D": 17,
    "MEAN": 17,
    "ADD": 15,
    "FULLY_CONNECTED": 1,
    "SOFTMAX": 1,
}
LITE0 = {
    "CONV_2D": 33,
    "DEPTHWISE_CONV_2D": 17,
    "ADD": 9,
    "MEAN": 1,
    "FULLY_CONNECTED": 1,
    "SOFTMAX": 1,
}
N, CLASSES = 200, 10


def file_report(name: str, ops: dict[str, int], size: int = 1000, floats: int = 0) -> FileReport:
    return FileReport(
        name=name,
        size_bytes=size,
        sha256="0" * 64,
        ops=ops,
        tensor_dtypes={"INT8": 100, "FLOAT32": floats},
        weight_bytes={},
        delegated_ops=0,
        main_ops=sum(ops.values()),
        partitions=0,
        inputs=(),
        outputs=(),
        signatures=("serving_default",),
        has_float_tensors=tuple(f"float{i}" for i in range(floats)),
    )


@pytest.mark.parametrize(
    ("ops", "per_channel", "per_tensor"), [(V2_B0, 92, 198), (LITE0, 50, 63)], ids=["v2", "lite0"]
)
def test_each_architecture_needs_a_known_number_of_fake_quants(
    ops: dict[str, int], per_channel: int, per_tensor: int
) -> None:
    found = expected_fake_quant(file_report("float32", ops))
    assert found == {"per_channel": per_channel, "per_tensor": per_tensor}


@given(st.dictionaries(st.sampled_from(list(V2_B0)), st.integers(0, 99)))
def test_one_more_operator_needs_its_own_fake_quants(ops: dict[str, int]) -> None:
    def needed(counts: dict[str, int]) -> tuple[int, int]:
        found = expected_fake_quant(file_report("float32", counts))
        return found["per_channel"], found["per_tensor"]

    channels, tensors = needed(ops)
    more = {
        op: tuple(np.subtract(needed({**ops, op: ops.get(op, 0) + 1}), (channels, tensors)))
        for op in V2_B0
    }
    assert more == {
        "CONV_2D": (1, 1),
        "DEPTHWISE_CONV_2D": (1, 1),
        "FULLY_CONNECTED": (0, 2),  # its kernel has one range
        "LOGISTIC": (0, 0),  # its scale is fixed
        "SOFTMAX": (0, 0),
        "MUL": (0, 1),
        "ADD": (0, 1),
        "MEAN": (0, 1),
    }


class Inputs:
    """What a run of V2-B0 as float32, int8, int8_qat left behind; tests change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.variants = ["float32", "int8", "int8_qat"]
        self.folders: dict[str, Path] = {}
        self.timings: dict[str, Any] = {}
        rng = np.random.default_rng(0)
        self.labels = np.arange(N) % CLASSES
        logits = 4.0 * np.eye(CLASSES)[self.labels] + rng.normal(0, 0.1, (N, CLASSES))
        exp = np.exp(logits)
        self.answers = (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)
        self.summaries: dict[str, dict[str, Any]] = {
            "model": {"title": "V2-B0"},
            "index": {"title": "Photos", "skipped": 0},
            "training:int8_qat": {"fake_quant": {"per_channel": 92, "per_tensor": 198}},
        }
        for name, size in (("float32", 4000), ("int8", 1000), ("int8_qat", 1050)):
            self.variant(name, file_report(name, V2_B0, size))
            self.keras(name) if name != "int8" else None
        self.sample("calibration", range(1000, 1020))
        self.sample("training", range(2000, 2040))
        self.sample("evaluation", range(N))
        self.folders |= {
            "index": self._folder("index"),
            "model": self._folder("model"),
            "training:int8_qat": self._folder("finetune"),
        }

    def _folder(self, name: str) -> Path:
        path = self.root / name.partition(":")[0] / name.replace(":", "-")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def variant(self, name: str, file: FileReport, answers: np.ndarray | None = None) -> None:
        for what in ("file", "inspect", "evaluate"):
            self.folders[f"{what}:{name}"] = self._folder(f"{what}:{name}")
        labels = "".join(f"class {i}\n" for i in range(CLASSES))
        (self.folders[f"file:{name}"] / LABELS_FILE).write_text(labels)
        (self.folders[f"file:{name}"] / MODEL_FILE).touch()
        write_json(self.folders[f"inspect:{name}"] / "file.json", file.to_dict())
        gate = Gate(
            name="xnnpack_vs_reference", passed=True, value=1, limit=0.95, n=8, detail="All agree."
        )
        write_json(self.folders[f"inspect:{name}"] / "kernels.json", gate.to_dict())
        self.time(name)
        predictions = Predictions(
            probabilities=self.answers if answers is None else answers,
            labels=self.labels,
            class_map=None,
            keys=[str(i) for i in range(N)],
        )
        predictions.save(self.folders[f"evaluate:{name}"])
        accuracy = score(predictions).to_dict()
        write_json(self.folders[f"evaluate:{name}"] / "accuracy.json", accuracy)
        self.summaries[f"file:{name}"] = {"form": name, "bytes": file.size_bytes}

    def time(self, name: str, threads: int = 1, warning: str | None = None) -> None:
        timing = {"threads": threads, "median_ms": 5.0, "warning": warning}
        timing["hardware"] = {"logical_cores": 2}
        self.folders.setdefault("benchmark", self._folder("benchmark"))
        self.timings[name] = [timing]
        write_json(self.folders["benchmark"] / LATENCY_FILE, self.timings)

    def keras(self, name: str, wrong: int = 0) -> None:
        answers = self.answers.copy()
        answers[:wrong] = np.roll(answers[:wrong], 1, axis=1)
        self.folders[f"keras:{name}"] = self._folder(f"keras:{name}")
        np.save(self.folders[f"keras:{name}"] / KERAS_FILE, answers)

    def sample(self, role: str, contents: Any) -> None:
        folder = self._folder(role)
        items = [ImageItem(str(i), 0, None, f"{i:064x}") for i in contents]
        np.save(folder / PIXELS_FILE, np.zeros((len(items), 2, 2, 3), np.uint8))
        (folder / ITEMS_FILE).write_text(json.dumps({"items": items_to_json(items)}))
        self.folders[role] = folder
        self.summaries[role] = {"count": len(items), "asked": len(items), "skipped": []}

    def report(self) -> dict[str, Any]:
        experiment = Experiment(variants=tuple(self.variants)).to_dict()
        out = self._folder("out")
        context = StageContext(
            params={
                "experiment": experiment,
                "use": "whole",
                "normalisation": {"scale": [1, 1, 1], "offset": [0, 0, 0]},
            },
            inputs=self.folders,
            summaries=self.summaries,
            out=out,
            scratch=self.root / "scratch",
            home=Home(self.root),
            link=None,  # type: ignore[arg-type]  # the report tells nobody anything
        )
        assert report(context) == {"variants": self.variants}
        results: dict[str, Any] = json.loads((out / RESULTS_FILE).read_text(encoding="utf-8"))
        return results


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


def warned(inputs: Inputs) -> tuple[Warned, ...]:
    return warnings_of(inputs.report())


def gates(results: dict[str, Any], variant: str) -> dict[str, bool]:
    return {gate["name"]: gate["passed"] for gate in results["variants"][variant]["gates"]}


def test_a_sound_run_passes_every_gate_and_warns_of_nothing(inputs: Inputs) -> None:
    results = inputs.report()
    assert gates(results, "float32") == {
        "answers_fit_labels": True,
        "xnnpack_vs_reference": True,
        "keras_vs_tflite": True,
    }
    assert gates(results, "int8") == {
        "agreement_with_float32": True,
        "xnnpack_vs_reference": True,
        "no_float_tensors": True,
    }
    assert gates(results, "int8_qat") == {
        "agreement_with_float32": True,
        "xnnpack_vs_reference": True,
        "keras_vs_tflite": True,
        "no_float_tensors": True,
        "fake_quant_count": True,
        "same_operators": True,
    }
    assert {gate["name"]: gate["passed"] for gate in results["gates"]} == {
        "calibration_training_disjoint": True,
        "calibration_evaluation_disjoint": True,
        "training_evaluation_disjoint": True,
    }
    assert results["warnings"] == []


def test_sizes_are_set_against_float32(inputs: Inputs) -> None:
    variants = inputs.report()["variants"]
    assert [v["compression"] for v in variants.values()] == [1.0, 4.0, 4000 / 1050]
    assert [v["saved_percent"] for v in variants.values()] == [0.0, 75.0, 73.75]


def test_every_variant_but_float32_is_compared_with_float32(inputs: Inputs) -> None:
    answers = inputs.answers.copy()
    answers[:7] = np.roll(answers[:7], 1, axis=1)
    inputs.variant("int8", file_report("int8", V2_B0), answers)
    variants = inputs.report()["variants"]
    assert variants["float32"]["comparison"] is variants["float32"]["sentence"] is None
    comparison = variants["int8"]["comparison"]
    assert (comparison["worse"], comparison["better"], comparison["n"]) == (7, 0, N)
    assert comparison["p"] == 2 * 0.5**7
    assert "int8" in variants["int8"]["sentence"]
    assert variants["int8_qat"]["comparison"]["worse"] == 0


def test_artifacts_are_named_so_that_any_store_finds_them(inputs: Inputs) -> None:
    int8 = inputs.report()["variants"]["int8"]
    assert int8["artifact"] == "file/file-int8"
    assert int8["predictions"] == "evaluate/evaluate-int8"


def lose_fake_quants(inputs: Inputs) -> None:
    inputs.summaries["training:int8_qat"]["fake_quant"]["per_tensor"] = 197


def have_no_fake_quants(inputs: Inputs) -> None:
    inputs.summaries["training:int8_qat"] = {}


def keep_a_float(inputs: Inputs) -> None:
    inputs.variant("int8_qat", file_report("int8_qat", V2_B0, floats=1))


def add_operators(inputs: Inputs) -> None:
    inputs.variant("int8_qat", file_report("int8_qat", {**V2_B0, "MUL": 114}))


def disagree_with_keras(inputs: Inputs) -> None:
    inputs.keras("int8_qat", wrong=5)  # 2.5 %


@pytest.mark.parametrize(
    ("damage", "gate"),
    [
        (lose_fake_quants, "fake_quant_count"),
        (have_no_fake_quants, "fake_quant_count"),
        (keep_a_float, "no_float_tensors"),
        (add_operators, "same_operators"),
        (disagree_with_keras, "keras_vs_tflite"),
    ],
)
def test_a_failed_gate_marks_its_variant_and_is_a_warning(
    inputs: Inputs, damage: Callable[[Inputs], None], gate: str
) -> None:
    damage(inputs)
    results = inputs.report()
    assert [name for name, passed in gates(results, "int8_qat").items() if not passed] == [gate]
    assert all(gates(results, "int8").values())
    (warned,) = [each for each in warnings_of(results) if each.about is About.GATE]
    assert warned.variant == "int8_qat" and GATES[gate].title in warned.text
    assert results["warnings"] == [each.text for each in warnings_of(results)]
    assert "accuracy" in results["variants"]["int8_qat"]


@pytest.mark.parametrize(
    ("variant", "wrong", "passed"),
    [("float32", 1, True), ("float32", 2, False), ("int8_qat", 4, True), ("int8_qat", 5, False)],
)
def test_keras_and_its_file_must_agree_more_closely_without_fake_quant(
    inputs: Inputs, variant: str, wrong: int, passed: bool
) -> None:
    inputs.keras(variant, wrong)
    assert gates(inputs.report(), variant)["keras_vs_tflite"] is passed


def test_outputs_in_another_order_fail_their_variant_and_are_named(inputs: Inputs) -> None:
    order = [0, 1, 5, 3, 4, 2, 6, 7, 8, 9]
    inputs.variant("int8", file_report("int8", V2_B0), inputs.answers[:, order])
    results = inputs.report()
    assert gates(results, "int8")["agreement_with_float32"] is False
    assert all(gates(results, "float32").values()) and all(gates(results, "int8_qat").values())
    (failed,) = [gate for gate in results["variants"]["int8"]["gates"] if not gate["passed"]]
    assert failed["facts"]["same"] == 160
    assert failed["facts"]["order"]["pairs"] == [["class 2", "class 5"]]


def test_labels_in_another_order_fail_float32_and_not_what_is_made_of_it(inputs: Inputs) -> None:
    inputs.labels = np.array([1, 0, *range(2, CLASSES)])[inputs.labels]
    for name in inputs.variants:
        inputs.variant(name, file_report(name, V2_B0))
    results = inputs.report()
    assert gates(results, "float32")["answers_fit_labels"] is False
    (failed,) = [gate for gate in results["variants"]["float32"]["gates"] if not gate["passed"]]
    assert failed["facts"]["order"]["pairs"] == [["class 0", "class 1"]]
    for name in ("int8", "int8_qat"):
        assert all(gates(results, name).values())


def test_keras_may_have_answered_only_the_first_images(inputs: Inputs) -> None:
    np.save(inputs.folders["keras:float32"] / KERAS_FILE, inputs.answers[:50])
    gates_of_float32 = inputs.report()["variants"]["float32"]["gates"]
    numbers = {gate["name"]: (gate["passed"], gate["n"]) for gate in gates_of_float32}
    assert numbers["keras_vs_tflite"] == (True, 50)


@pytest.mark.parametrize(
    ("role", "contents", "gate"),
    [
        ("calibration", [5, 3000, 3001], "calibration_evaluation_disjoint"),
        ("training", [5, 3000, 3001], "training_evaluation_disjoint"),
        ("training", [1005, 3000], "calibration_training_disjoint"),
    ],
)
def test_an_image_in_two_samples_fails_the_run(
    inputs: Inputs, role: str, contents: list[int], gate: str
) -> None:
    inputs.sample(role, contents)
    results = inputs.report()
    assert [(g["name"], g["value"]) for g in results["gates"] if not g["passed"]] == [(gate, 1)]
    (warned,) = warnings_of(results)
    assert warned.about is About.GATE and GATES[gate].title in warned.text


def test_look_alikes_in_two_samples_fail_the_run_and_are_counted(inputs: Inputs) -> None:
    plain = {"compared": N, "evaluation": N, "among": 40, "others": 40}
    pairs = [["a.jpg", "b.jpg", 0.97]] * 3
    compared = [
        {"role": "calibration", "alike": [], **plain},
        {"role": "training", "alike": pairs, **plain},
    ]
    folder = inputs.folders["lookalikes"] = inputs._folder("lookalikes")
    write_json(folder / LOOKALIKES_FILE, compared)
    results = inputs.report()
    found = {g["name"]: (g["passed"], g["value"], g["n"]) for g in results["gates"]}
    assert found["calibration_evaluation_lookalikes"] == (True, 0, N)
    assert found["training_evaluation_lookalikes"] == (False, 3, N)
    (warned,) = warnings_of(results)
    assert warned.about is About.GATE


def test_one_sample_alone_has_nothing_to_overlap_with(inputs: Inputs) -> None:
    inputs.variants = ["float32"]
    del inputs.folders["calibration"], inputs.folders["training"]
    results = inputs.report()
    assert results["gates"] == []
    assert set(results["samples"]) == {"evaluation"}


def test_what_a_reader_must_know_is_a_warning(inputs: Inputs) -> None:
    inputs.summaries["index"]["skipped"] = 1234
    inputs.summaries["evaluation"] |= {"count": 198, "asked": 200, "skipped": [["a", "broken"]]}
    inputs.time("int8", 2, "The machine was busy.")
    inputs.time("int8_qat", 4)
    assert [(each.about, each.variant, each.threads) for each in warned(inputs)] == [
        (About.PHOTOS, "", 0),  # left out when the dataset was scanned
        (About.PHOTOS, "", 0),  # broken
        (About.PHOTOS, "", 0),  # fewer than asked for
        (About.BUSY, "int8", 2),
        (About.THREADS, "int8_qat", 0),
    ]


def test_too_few_images_to_tell_is_a_warning(inputs: Inputs) -> None:
    answers = inputs.answers.copy()
    answers[:4] = np.roll(answers[:4], 1, axis=1)
    inputs.variant("int8", file_report("int8", V2_B0), answers)
    assert [(each.about, each.variant) for each in warned(inputs)] == [(About.FEW, "int8")]


def test_a_float_control_without_qat_is_a_warning(inputs: Inputs) -> None:
    inputs.variants = ["float32", "int8_float_control"]
    inputs.variant("int8_float_control", file_report("int8_float_control", V2_B0))
    (control,) = warned(inputs)
    assert (control.about, control.variant) == (About.CONTROL, "int8_float_control")
