"""What the stages before the report would have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.measure.accuracy import score
from effq_core.measure.gates import Gate
from effq_core.measure.predictions import Predictions
from effq_core.photos.index import ImageItem, items_to_json
from effq_core.photos.pixels import ITEMS_FILE, PIXELS_FILE
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages.measure import LATENCY_FILE, write_json
from effq_core.pipeline.stages.report import report
from effq_core.runtimes.file_report import FileReport
from effq_core.store.manifest import KERAS_FILE, LABELS_FILE, MODEL_FILE, RESULTS_FILE

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


def gates(results: dict[str, Any], variant: str) -> dict[str, bool]:
    return {gate["name"]: gate["passed"] for gate in results["variants"][variant]["gates"]}
