"""``effq export --bundle`` and ``effq timings``."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from effq_core.results import load_reference
from tests.deliver.bundle.documents import disturbed, document, encoded


def test_a_bundle_of_a_run_is_written_and_not_overwritten(effq, tiny_home, tmp_path: Path) -> None:
    target = tmp_path / "int8.zip"
    done = effq("export", "tiny", "--bundle", "int8-qat", "--to", target, "--json")

    told = json.loads(done.stdout)
    assert told == {"file": str(target), "variant": "int8_qat", "bytes": target.stat().st_size}
    with zipfile.ZipFile(target) as archive:
        names = [Path(name).name for name in archive.namelist()]
        card = archive.read(next(n for n in archive.namelist() if n.endswith(".md"))).decode()
    assert sorted(names) == ["bench.py", "classify.py", "int8_qat.tflite", "labels.txt",
                             "model_card.md", "requirements.txt"]  # fmt: skip
    assert 'in the run "tiny"' in card

    again = effq("export", "tiny", "--bundle", "int8", "--to", target)
    assert again.exit_code == 2 and "there already" in again.stderr
    forced = effq("export", "tiny", "--bundle", "int8", "--to", target, "--force")
    assert forced.exit_code == 0 and f"Written to {target}" in forced.stdout.replace("\n", "")


def test_a_bundle_of_the_reference_run_needs_no_store(effq, home, tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    assert effq("export", "reference", "--bundle", "int8", "--to", target).exit_code == 0
    assert zipfile.is_zipfile(target)


def test_a_bundle_that_cannot_be_made_says_why(effq, tiny_home, tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    for variant, reason in (
        ("int1", "no variant 'int1'"),
        ("all", "'all' is not one variant"),
        ("", "is not one variant"),
        ("int8_float_control", "no variant 'int8_float_control'"),
    ):
        done = effq("export", "tiny", "--bundle", variant, "--to", target)
        assert done.exit_code == 2 and reason in done.stderr, done.stderr
    assert not target.exists()


def test_timings_are_imported_listed_and_deleted(effq, tiny_home, tiny_run, tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_bytes(encoded(document(tiny_run.results, device="Board [5]")))

    assert "No timings yet" in effq("timings", "list").stdout
    shown = effq("timings", "import", file, "--run", "tiny")
    assert shown.exit_code == 0, shown.stderr
    assert "Board [5]" in shown.stdout and "int8" in shown.stdout
    [told] = json.loads(effq("timings", "list", "--run", "tiny", "--json").stdout)
    assert told["variant"] == "int8" and told["device"] == "Board [5]"
    assert [timing["threads"] for timing in told["timings"]] == [1, 2]
    assert "Board [5]" in effq("timings", "list").stdout
    [again] = json.loads(effq("timings", "import", file, "--json").stdout.join("[]"))
    assert again == told
    assert told["id"] in effq("timings", "delete", told["id"]).stdout
    assert json.loads(effq("timings", "list", "--json").stdout) == []
    assert effq("timings", "delete", told["id"]).exit_code == 2


def test_disturbed_timings_are_marked_when_imported_and_listed(
    effq, tiny_home, tiny_run, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    file = tmp_path / "timings.json"
    file.write_bytes(encoded(disturbed(document(tiny_run.results))))

    for shown in (effq("timings", "import", file).stdout, effq("timings", "list").stdout):
        assert "disturbed: other programs used up to 43 % of the CPU" in shown
        assert "undisturbed" in shown
    [told] = json.loads(effq("timings", "list", "--json").stdout)
    assert [timing["disturbed"] for timing in told["timings"]] == [2, 0]
    assert [timing["others_share"] for timing in told["timings"]] == [0.43, 0.02]


def test_timings_that_do_not_belong_are_refused(effq, tiny_home, tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_bytes(encoded(document(load_reference())))

    other = effq("timings", "import", file, "--run", "tiny")
    assert other.exit_code == 2 and "timings of another file" in other.stderr
    assert effq("timings", "import", file, "--run", "reference").exit_code == 0
    file.write_text("hello")
    broken = effq("timings", "import", file)
    assert broken.exit_code == 2 and "timings.json is not what bench.py writes" in broken.stderr
