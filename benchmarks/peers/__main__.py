"""Compares EffQ with other tools: `python -m benchmarks.peers WORK --env DIR`. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import latency, table
from benchmarks.peers.choices import HERE, STEPS, parse
from benchmarks.peers.job import Entry, Job
from benchmarks.peers.scoring import Score, score
from benchmarks.peers.setup import python_of
from effq_core.base import hardware
from effq_core.experiment import Experiment

ROOT = Path(__file__).resolve().parents[2]
_ALLOCATOR = {
    # As EffQ's own workers have it: half of the time of training goes to malloc otherwise.
    "MALLOC_MMAP_THRESHOLD_": "34359738368",
    "MALLOC_TRIM_THRESHOLD_": "34359738368",
}


class Comparison:
    """What a work folder holds, step by step.

    Args:
        choices: From :func:`benchmarks.peers.choices.parse`.
    """

    def __init__(self, choices: argparse.Namespace) -> None:
        self._choices = choices
        self._work: Path = choices.work
        self._python = python_of(choices.env)
        if not self._python.exists():
            raise SystemExit(f"{choices.env} is no environment: make it by benchmarks.peers.setup")
        self._work.mkdir(parents=True, exist_ok=True)
        os.chdir(ROOT)  # so that `-m benchmarks.peers...` is found in every interpreter

    def models(self) -> None:
        """Runs EffQ's experiment, then every tool that has not run on its result yet."""
        from benchmarks.peers.effq import prepare  # the pipeline: only this step needs it
        from effq_core.base.settings import Home
        from effq_core.photos.catalogue import open_dataset

        experiment, home = self._choices.experiment, Home(self._choices.home)
        prepared = prepare(experiment, home)
        calibration = np.load(prepared.job.calibration, mmap_mode="r")
        _write(
            self._work / "prepared.json",
            {
                "experiment": experiment.to_dict(),
                "dataset": open_dataset(experiment.dataset, home).title,
                "calibration": len(calibration),
                "image_size": calibration.shape[1],
                "job": asdict(prepared.job),
                "entries": [entry.to_dict() for entry in prepared.entries],
                "keys": prepared.keys,
                "labels": None if prepared.labels is None else prepared.labels.tolist(),
                "class_map": list(prepared.class_map),
            },
        )
        for tool in self._choices.tool:
            self._make(tool, prepared.job)

    def _make(self, tool: str, job: Job) -> None:
        out = self._work / "tools" / tool
        job_file, made = out / "job.json", out / "entries.json"
        if made.is_file() and job_file.is_file() and Job.load(job_file) == job:
            return
        print(f"{tool} ...", flush=True)
        out.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
        job.save(job_file)
        python = sys.executable if tool in HERE else str(self._python)
        log = out / "log.txt"
        with log.open("wb") as stream:
            done = subprocess.run(
                [python, "-m", "benchmarks.peers.run_tool", tool, str(job_file), str(out)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_ALLOCATOR},
                check=False,
            )
        if done.returncode != 0 or not made.is_file():
            raise SystemExit(f"{tool} ended with exit code {done.returncode}: see {log}")

    def accuracy(self) -> None:
        """Lets every file answer all evaluation images."""
        prepared = self._prepared()
        images, answers = prepared["job"]["evaluation"], {}
        for entry in self._with_file():
            path = self._work / "answers" / f"{entry.id}.npy"
            path.parent.mkdir(exist_ok=True)
            newest = max(Path(file).stat().st_mtime for file in entry.files)
            if not path.is_file() or path.stat().st_mtime < newest:
                print(f"answers: {entry.id}", flush=True)
                command = [str(self._python), "-m", "benchmarks.peers.probe", "predict"]
                command += [entry.runtime, entry.files[0], f"--images={images}", f"--out={path}"]
                threads = hardware.usable_cores()
                subprocess.run([*command, f"--threads={threads}"], check=True)
            answers[entry.id] = np.load(path)
        labels = prepared["labels"]
        scores = score(
            answers,
            prepared["entries"][0]["id"],
            keys=prepared["keys"],
            labels=None if labels is None else np.array(labels, np.int64),
            class_map=tuple(prepared["class_map"]),
        )
        _write(
            self._work / "accuracy.json", {name: each.to_dict() for name, each in scores.items()}
        )

    def latency(self) -> None:
        """Times every file; nothing else should use the cores meanwhile."""
        choices = self._choices
        settings = {
            "rounds": choices.rounds,
            "invocations": choices.invocations,
            "warmup": choices.warmup,
        }
        measured = latency.measure(
            self._with_file(), self._python, threads=choices.threads, **settings
        )
        _write(self._work / "latency.json", {**settings, **measured})

    def report(self) -> str:
        """Writes results.json and table.md of what there is, and returns the table."""
        prepared = self._prepared()
        scores = _read(self._work / "accuracy.json") or {}
        timed = _read(self._work / "latency.json")
        threads = self._choices.threads
        rows = []
        for entry in self._entries():
            plain = scores.get(entry.id)
            timings = [
                latency.Timing.from_dict(each)
                for each in (timed or {"timings": {}})["timings"].get(entry.id, ())
            ]
            rows.append(
                table.Row(
                    entry=entry,
                    size_bytes=entry.size_bytes if entry.files else None,
                    score=None if plain is None else Score.from_dict(plain),
                    timings={timing.threads: timing for timing in timings},
                )
            )
        experiment = prepared["experiment"]
        facts = {
            "model": experiment["model"],
            "dataset": prepared["dataset"],
            "images": len(prepared["keys"]),
            "calibration": prepared["calibration"],
            "image_size": prepared["image_size"],
            "seed": experiment["seed"],
            "hardware": hardware.describe().to_dict(),
            "versions": self._versions(),
            "latency": timed,
        }
        markdown = table.render(rows, threads, table.conditions(facts))
        results = {**facts, "rows": [_plain(row) for row in rows]}
        _write(self._work / "results.json", results)
        (self._work / "table.md").write_text(markdown, encoding="utf-8")
        return markdown

    def _prepared(self) -> dict[str, Any]:
        prepared = _read(self._work / "prepared.json")
        if prepared is None:
            raise SystemExit(f"{self._work} holds no models yet: run it without --only first")
        # Rebuilt, so that a choice EffQ has gained since then has its default.
        if Experiment.from_dict(prepared["experiment"]) != self._choices.experiment:
            raise SystemExit(
                f"{self._work} holds another comparison: give the options it was made with, or "
                "another folder"
            )
        return dict(prepared)

    def _entries(self) -> list[Entry]:
        plain = list(self._prepared()["entries"])
        for tool in self._choices.tool:
            plain += (_read(self._work / "tools" / tool / "entries.json") or {"entries": []})[
                "entries"
            ]
        return [Entry.from_dict(each) for each in plain]

    def _with_file(self) -> list[Entry]:
        return [entry for entry in self._entries() if entry.files]

    def _versions(self) -> dict[str, str]:
        own = hardware.library_versions()
        versions = {name: own[name] for name in ("effq-studio", "ai-edge-litert", "tensorflow")}
        for tool in self._choices.tool:
            versions |= (_read(self._work / "tools" / tool / "entries.json") or {"versions": {}})[
                "versions"
            ]
        return versions


def _plain(row: table.Row) -> dict[str, Any]:
    entry = row.entry.to_dict()
    # A path of this machine means nothing to a reader.
    entry["files"] = [Path(file).name for file in row.entry.files]
    return {
        **entry,
        "size_bytes": row.size_bytes,
        **({} if row.score is None else row.score.to_dict()),
        "latency": [
            {"threads": each.threads, "median_ms": each.median_ms, "spread_ms": each.spread_ms}
            for each in row.timings.values()
        ],
    }


def _write(path: Path, value: Any) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(path)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def main() -> int:
    """Runs the steps asked for and prints the table."""
    choices = parse()
    comparison = Comparison(choices)
    for step in (choices.only,) if choices.only else STEPS:
        getattr(comparison, step)()
    print(comparison.report(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
