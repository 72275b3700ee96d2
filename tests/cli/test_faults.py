"""Errors end as a message and an exit code; bugs as a report with a file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from effq_core import results
from effq_core.base import errors
from effq_core.cli.faults import exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ExperimentError("x"), 2),
        (errors.DatasetError("x"), 2),
        (errors.ModelError("x"), 2),
        (errors.DownloadError("x"), 1),
        (errors.StoreError("x"), 1),
        (errors.EngineError("x"), 1),
        (errors.Cancelled("x"), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_kind_of_error_has_its_exit_code(effq, home, monkeypatch, error, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(results, "find_run", fail)

    answer = effq("show", "latest")

    assert exit_code(error) == answer.exit_code == code
    assert answer.stdout == ""
    assert answer.stderr.strip() == "x"


def test_a_bug_is_reported_with_an_id_and_a_log_file(effq, home, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of [course]")

    monkeypatch.setattr(results, "find_run", fail)

    answer = effq("show", "latest", "--json")

    [log] = (home.root / "logs").iterdir()
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert "ZeroDivisionError: of [course]" in answer.stderr
    assert str(log) in answer.stderr
    assert log.stem.rsplit("-", 1)[1] in answer.stderr
    assert "Traceback" in log.read_text()


def test_a_bug_is_reported_even_where_the_store_cannot_be_written(
    effq, home, tmp_path, monkeypatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(results, "find_run", fail)
    (home.root / "logs").write_text("a file in the way")

    answer = effq("show")

    [log] = (tmp_path / "tmp").glob("effq-bug-*.log")
    assert answer.exit_code == 1
    assert str(log) in answer.stderr


def test_ctrl_c_is_a_cancellation(effq, home, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "find_run", interrupt)

    assert effq("show").exit_code == 130


@pytest.mark.parametrize(
    "arguments",
    [["run", "--bogus"], ["nonsense"], ["show", "a", "b"], ["run", "--epochs", "x"], ["predict"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(effq, home, arguments) -> None:
    assert effq(*arguments).exit_code == 2


def test_the_help_documents_the_exit_codes_and_every_command(effq) -> None:
    text = " ".join(effq("--help").stdout.split())

    assert "0 it worked; 1 it failed; 2 the command" in text
    for name in ("run", "runs", "show", "cancel", "resume", "delete", "export", "models"):
        assert f" {name} " in text
    for name in ("datasets", "predict", "doctor"):
        assert f" {name} " in text
    assert effq("--version").stdout.startswith("effq ")


def _child(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "effq_core", *arguments], capture_output=True, text=True
    )


def test_the_help_takes_less_than_a_second() -> None:
    def processor_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    took = []
    for _ in range(3):
        before = processor_seconds()
        assert _child("--help").returncode == 0
        took.append(processor_seconds() - before)

    assert min(took) < 1.0


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["runs"], ["show"], ["models"], ["datasets"], ["doctor", "--offline"]],
    ids=" ".join,
)
def test_no_command_that_reads_imports_tensorflow(tiny_home, arguments) -> None:
    code = (
        "import sys\n"
        "from effq_core.cli import main\n"
        f"sys.argv = ['effq', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'tensorflow', 'tf_keras', 'distributed', 'scipy.stats'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.returncode == 0, answer.stderr


def test_a_reader_that_stops_early_is_no_error(tiny_home) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "effq_core", "show", "--json"], stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)

    assert process.returncode == 0, process.stderr
    assert b"Traceback" not in process.stderr and b"BrokenPipe" not in process.stderr
