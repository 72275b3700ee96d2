"""The comparison with other tools, without those tools: figures, table, command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import choices, latency, table
from benchmarks.peers.job import Entry, Job
from benchmarks.peers.scoring import Score, score
from effq_core.base.intervals import mcnemar, wilson

REFERENCE = Path(__file__).resolve().parents[2] / "assets" / "reference_run"

FACTS = {
    "model": "efficientnetv2_b0_imagenette",
    "dataset": "photos",
    "images": 40,
    "calibration": 10,
    "image_size": 64,
    "seed": 42,
    "hardware": {
        "cpu": "A processor",
        "logical_cores": 2,
        "flags": ["avx2"],
        "system": "Linux",
        "python": "3.11",
    },
    "versions": {"nncf": "3.4.0"},
}


def answers(labels: np.ndarray, wrong: list[int]) -> np.ndarray:
    """Probabilities of three classes that are right but for some images."""
    said = labels.copy()
    said[wrong] = (said[wrong] + 1) % 3
    return np.eye(3, dtype=np.float32)[said] * 0.8 + 0.1


@pytest.fixture
def scores() -> dict[str, Score]:
    labels = np.arange(40) % 3
    return score(
        {
            "float32": answers(labels, [0, 1, 2]),
            "int8": answers(labels, [0, 1, *range(10, 19)]),
            "copy": answers(labels, [0, 1, 2]),
        },
        "float32",
        keys=[f"{n}.png" for n in range(40)],
        labels=labels,
        class_map=(),
    )


def timing(threads: int, *medians: float, cores: float = 1.0) -> latency.Timing:
    return latency.Timing(
        threads,
        rounds_ms=[[value - 1, value, value + 1] for value in medians],
        cores_used=[cores] * len(medians),
        others_share=[0.0] * len(medians),
    )


def test_accuracy_agreement_and_p_follow_from_the_answers(scores: dict[str, Score]) -> None:
    top1, against = scores["int8"].top1, scores["int8"].comparison
    assert top1 is not None
    assert (top1.k, top1.n) == (29, 40)
    assert (top1.low, top1.high) == wilson(29, 40)
    assert against is not None
    assert (against.worse, against.better) == (9, 1)  # image 2 got better, 10 to 18 worse
    assert against.p == mcnemar(9, 1)
    assert against.agreement.k == 30
    assert scores["float32"].comparison is None
    same = scores["copy"].comparison
    assert same is not None
    assert (same.agreement.share, same.p) == (1.0, 1.0)


def test_a_model_of_more_classes_than_the_dataset_is_scored_through_the_class_map() -> None:
    probabilities = np.eye(5, dtype=np.float32)[[4, 2, 0]]
    found = score(
        {"float32": probabilities},
        "float32",
        keys=["a", "b", "c"],
        labels=np.array([0, 1, 1]),
        class_map=(4, 2),
    )
    top1 = found["float32"].top1
    assert top1 is not None
    assert top1.k == 2  # class 0 of the model is none of the dataset's: wrong


def test_answers_without_labels_have_agreement_and_no_accuracy() -> None:
    one = np.eye(3, dtype=np.float32)
    found = score(
        {"float32": one, "int8": one[[0, 1, 1]]},
        "float32",
        keys=["a", "b", "c"],
        labels=None,
        class_map=(),
    )
    assert found["int8"].top1 is None
    row = table.Row(entry=entry("int8"), size_bytes=2048, score=found["int8"])
    line = table.render([row], [1], "").splitlines()[-1]
    assert line == "| EffQ | int8 | LiteRT | – | – | 66.7 % | 2 | – |"


def test_scores_of_the_reference_run_are_those_it_ships_with() -> None:
    names = ("float32", "int8")
    stored = {}
    for name in names:
        with np.load(REFERENCE / "predictions" / name / "predictions.npz") as arrays:
            stored[name] = dict(arrays)
    first = stored["float32"]
    found = score(
        {name: stored[name]["probabilities"] for name in names},
        "float32",
        keys=[str(key) for key in first["keys"]],
        labels=first["labels"],
        class_map=tuple(first["class_map"]) if "class_map" in first else (),
    )
    shipped = json.loads((REFERENCE / "results.json").read_text())["variants"]["int8"]
    again = found["int8"].to_dict()
    assert again["top1"] == pytest.approx(shipped["accuracy"]["top1"])
    for name in ("n", "worse", "better", "p", "difference_points"):
        assert again["comparison"][name] == pytest.approx(shipped["comparison"][name])
    assert again["comparison"]["agreement"]["k"] == shipped["comparison"]["agreement"]["k"]


def test_a_score_survives_its_way_through_json(scores: dict[str, Score]) -> None:
    for each in scores.values():
        assert Score.from_dict(json.loads(json.dumps(each.to_dict()))) == each


def entry(name: str, **values: object) -> Entry:
    return Entry(id=name, tool="EffQ", settings=name, runtime="litert", **values)  # type: ignore[arg-type]


def test_the_table_has_every_figure_with_its_interval(scores: dict[str, Score]) -> None:
    row = table.Row(
        entry=entry("int8"),
        size_bytes=7_115_000,
        score=scores["int8"],
        timings={1: timing(1, 6.0, 6.2), 2: timing(2, 3.5, cores=1.9)},
    )
    lines = table.render([row], [1, 2], "What was measured.").splitlines()
    assert lines[0] == "What was measured."
    assert lines[2].count("|") == lines[3].count("|") == lines[4].count("|")
    assert lines[4] == (
        "| EffQ | int8 | LiteRT | 72.5 % (57.2–83.9) | −20.0 points (9 worse, 1 better; "
        "p = 0.021) | 75.0 % | 6,948 | 6.1 (6.0–6.2) | 3.5 (3.5–3.5) |"
    )


def test_a_refusal_is_a_line_of_the_table_in_the_tools_own_words() -> None:
    refused = Entry(
        id="x", tool="TF-MOT", settings="stock QAT", error="RuntimeError: Multiply | is\nnot so"
    )
    lines = table.render([table.Row(entry=refused)], [1], "").splitlines()
    assert lines[4].startswith("| TF-MOT | stock QAT | refused, see below | – |")
    assert lines[4].count("|") == lines[2].count("|")
    assert lines[-1] == "- TF-MOT, stock QAT: `RuntimeError: Multiply | is not so`"


def test_a_process_that_takes_more_cores_than_threads_is_marked() -> None:
    row = table.Row(entry=entry("int8"), timings={1: timing(1, 5.0, cores=1.9)})
    text = table.render([row], [1], "")
    assert "5.0 (5.0–5.0) † |" in text
    assert "more cores than it was given threads" in text


def test_the_conditions_name_machine_versions_images_and_a_busy_machine() -> None:
    measured = {
        "rounds": 4,
        "invocations": 50,
        "warmup": 10,
        "load_average": [0.1, 1.234],
        "busy": 0,
        "probes": 8,
    }
    text = table.conditions({**FACTS, "latency": measured})
    for part in (
        "40 evaluation images",
        "10 calibration images",
        "A processor, 2 cores (avx2)",
        "nncf 3.4.0",
        "4 × 50 invocations",
        "load average 0.10 before, 1.23 after",
    ):
        assert part in text
    assert "too long" not in text
    assert "3 of 8 timings" in table.conditions({**FACTS, "latency": {**measured, "busy": 3}})
    assert "Latency" not in table.conditions({**FACTS, "latency": None})


def test_every_round_times_every_file_in_another_order() -> None:
    entries = [entry(name) for name in "abcde"]
    orders = [[each.id for each in latency.turned(entries, number)] for number in range(4)]
    assert all(sorted(order) == list("abcde") for order in orders)
    assert len({order[0] for order in orders}) == 4


def test_a_timing_is_the_median_of_all_rounds_with_the_spread_of_their_medians() -> None:
    measured = timing(1, 5.0, 7.0)
    assert (measured.invocations, measured.median_ms) == (6, 6.0)
    assert measured.spread_ms == (5.0, 7.0)
    again = latency.Timing.from_dict(json.loads(json.dumps(measured.to_dict())))
    assert again == measured


def test_without_a_dataset_the_test_photos_are_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EFFQ_TEST_DATA", str(tmp_path))
    chosen = choices.parse(["work", "--env", "env"])
    assert chosen.experiment.dataset == f"folder:{tmp_path / 'imagenette2-160'}"
    assert chosen.experiment.variants == ("float32", "int8", "int8_qat", "int8_qat_untrained")
    assert chosen.experiment.calibration.size == 500
    assert chosen.tool == list(choices.TOOLS)


def test_without_epochs_no_tool_is_fine_tuned() -> None:
    chosen = choices.parse(["work", "--env", "env", "--data", "photo_patches", "--epochs", "0"])
    assert chosen.experiment.variants == ("float32", "int8")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--rounds", "2", "--invocations", "49"], "too few"),
        (["--epochs", "-1"], "epochs"),
        (["--threads", "0"], "thread"),
        (["--only", "everything"], "invalid choice"),
    ],
)
def test_choices_that_cannot_be_measured_are_refused(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        choices.parse(["work", "--env", "env", "--data", "photo_patches", *words])
    assert reason in capsys.readouterr().err


def test_no_photos_are_asked_for_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EFFQ_TEST_DATA", raising=False)
    with pytest.raises(SystemExit):
        choices.parse(["work", "--env", "env"])
    assert "EFFQ_TEST_DATA" in capsys.readouterr().err


def test_the_probe_times_and_answers_a_real_file(tmp_path: Path) -> None:
    model = str(REFERENCE / "files" / "int8" / "model.tflite")
    images, out = tmp_path / "images.npy", tmp_path / "answers.npy"
    np.save(images, np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8))
    probe = [sys.executable, "-m", "benchmarks.peers.probe"]
    common = ["litert", model, "--threads=1"]
    root = Path(__file__).resolve().parents[2]
    subprocess.run(
        [*probe, "predict", *common, f"--images={images}", f"--out={out}"], check=True, cwd=root
    )
    from effq_core.runtimes.model import Model

    expected = [Model(model).predict(image) for image in np.load(images)]
    np.testing.assert_array_equal(np.load(out), expected)
    done = subprocess.run(
        [*probe, "time", *common, "--invocations=5", "--warmup=1"],
        check=True,
        cwd=root,
        capture_output=True,
        text=True,
    )
    measured = json.loads(done.stdout)
    assert len(measured["samples_ms"]) == 5
    assert min(measured["samples_ms"]) > 0
    assert 0 < measured["cores_used"] < 1.5


def test_jobs_and_entries_are_handed_over_as_they_are(tmp_path: Path) -> None:
    job = Job(
        saved_model="s", float32="f", keras_model="k", calibration="c", evaluation="e", epochs=2
    )
    job.save(tmp_path / "job.json")
    assert Job.load(tmp_path / "job.json") == job
    (tmp_path / "model.xml").write_bytes(b"12345")
    (tmp_path / "model.bin").write_bytes(b"123")
    files = [str(tmp_path / "model.xml"), str(tmp_path / "model.bin")]
    made = entry("int8", files=files, notes=["a note"])
    assert Entry.from_dict(made.to_dict()) == made
    assert made.size_bytes == 8
