"""The documents: links lead somewhere, examples can be typed, and nothing is left untold."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from effq_core.cli.app import app
from effq_core.experiment.variants import CATALOGUE
from effq_core.measure.gates import GATES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
DOCS = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)

_FENCE = re.compile(r"^```.*?^```", re.M | re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:effq_core|pages|tests|benchmarks|assets|docs)/[^`\s…]*)`")
_VARIABLE = re.compile(r"EFFQ_[A-Z_]+")


def anchors(text: str) -> set[str]:
    """Returns the anchors of a document's headings, as GitHub and most viewers make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.M):
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        anchor = words.replace(" ", "-")
        assert anchor not in found, f"Two headings have the anchor #{anchor}."
        found.add(anchor)
    return found


def broken_links(document: Path) -> list[str]:
    """Returns a document's relative links and pictures that lead nowhere."""
    broken = []
    for target in _LINK.findall(_FENCE.sub("", document.read_text("utf-8"))):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name) if name else document
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            broken.append(target)
    return broken


def commands(command: Any, name: str = "effq") -> Iterator[tuple[str, Any]]:
    """Walks the commands of the command line, groups that work alone among them."""
    children = getattr(command, "commands", None)
    if children is None or getattr(command, "invoke_without_command", False):
        yield name, command
    for child, each in (children or {}).items():
        yield from commands(each, f"{name} {child}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def variables() -> set[str]:
    """Returns the environment variables the product names in code, docstrings left out."""
    sources = [*ROOT.glob("effq_core/**/*.py"), *ROOT.glob("pages/**/*.py")]
    constants = {
        node.value
        for path in (*sources, ROOT / "streamlit_app.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in constants if _VARIABLE.fullmatch(text)}


def examples() -> list[str]:
    """Returns what the documents tell to type that begins with ``effq``."""
    found = re.findall(r"`(effq [^`\n]+)`", _FENCE.sub("", DOCS))
    for block in _FENCE.findall(DOCS):
        lines = (line.partition("  #")[0].strip() for line in block.splitlines())
        found += [line for line in lines if line.startswith("effq ")]
    return sorted(set(found))


def problem(example: str) -> str:
    """Says what of an example the command line does not have; empty where all is well."""
    words = shlex.split(example.replace("…", ""))
    name, rest = words[0], words[1:]
    while rest and f"{name} {rest[0]}" in COMMANDS | dict.fromkeys(groups()):
        name, rest = f"{name} {rest[0]}", rest[1:]
    if name == "effq rescue":
        name = "effq rescue start"
    if name not in COMMANDS:
        return f"no command {name}"
    if rest and hasattr(COMMANDS[name], "commands") and not rest[0].startswith("-"):
        return f"no command {name} {rest[0]}"
    known = {option for each in COMMANDS[name].params for option in each.opts}
    return ", ".join(word for word in rest if word.startswith("-") and word not in known)


def groups() -> set[str]:
    """Returns the commands that have commands of their own."""
    return {name.rpartition(" ")[0] for name in COMMANDS if name.count(" ") > 1}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_and_picture_leads_somewhere(document: Path) -> None:
    assert not broken_links(document)


def test_a_broken_link_picture_or_anchor_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Here, and there\n[a](page.md) [b](#here-and-there) [c](page.md#here-and-there)\n"
        "[d](https://example.org/x)\n```sh\n[e](gone.md)\n# no heading\n```\n"
        "[f](gone.md) ![g](gone.png) [h](page.md#gone) [i](#no-heading)\n",
        "utf-8",
    )
    assert broken_links(page) == ["gone.md", "gone.png", "page.md#gone", "#no-heading"]


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        reached.add(document)
        for target in _LINK.findall(document.read_text("utf-8")):
            path = (document.parent / target.partition("#")[0]).resolve()
            if path in DOCUMENTS and path not in reached:
                waiting.append(path)
    assert reached == set(DOCUMENTS)


def test_every_picture_is_shown() -> None:
    shown = set(re.findall(r"assets/screenshots/([\w.]+)", DOCS))
    assert shown == {path.name for path in (ROOT / "assets/screenshots").iterdir()}


def test_paths_of_code_exist() -> None:
    written = {path.replace("<name>", "*") for path in _PATH.findall(DOCS)}
    assert not [path for path in sorted(written) if not any(ROOT.glob(path))]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command: str) -> None:
    # Not only as the beginning of another: `effq run` is not told by `effq runs`.
    assert re.search(rf"{re.escape(command)}(?![\w-])", DOCS)


def test_every_example_can_be_typed() -> None:
    found = examples()
    assert len(found) > 40
    assert not {each: wrong for each in found if (wrong := problem(each))}


def test_an_example_that_cannot_be_typed_is_found() -> None:
    assert problem("effq rnu") == "no command effq"
    assert problem("effq models drop x") == "no command effq models drop"
    assert problem("effq run --varaint int8") == "--varaint"
    assert problem("effq rescue RUN --max-drop 1") == ""


def test_every_setting_is_documented() -> None:
    found = variables()
    assert {"EFFQ_HOME", "EFFQ_QUIET_SECONDS", "EFFQ_TLS_KEY"} <= found
    told = set(_VARIABLE.findall((ROOT / "docs/configuration.md").read_text("utf-8")))
    assert found <= told


def test_every_documented_setting_is_read_somewhere() -> None:
    sources = [
        path for top in ("effq_core", "pages", "tests") for path in ROOT.glob(f"{top}/**/*.py")
    ]
    sources = [path for path in sources if path != Path(__file__)]
    read = set(_VARIABLE.findall("\n".join(path.read_text("utf-8") for path in sources)))
    assert set(_VARIABLE.findall(DOCS)) <= read


@pytest.mark.parametrize("variant", sorted(CATALOGUE))
def test_every_variant_is_documented(variant: str) -> None:
    assert f"`{variant}`" in DOCS


@pytest.mark.parametrize("gate", sorted(GATES))
def test_every_gate_is_documented(gate: str) -> None:
    assert f"`{gate}`" in (ROOT / "docs/results.md").read_text("utf-8")


@pytest.mark.parametrize("script", sorted(ROOT.glob("benchmarks/*.py")), ids=lambda path: path.name)
def test_every_benchmark_is_documented(script: Path) -> None:
    assert f"`{script.name}`" in (ROOT / "docs/benchmarks.md").read_text("utf-8")
