"""The command line: ``effq``."""


def main() -> None:
    """Runs ``effq`` with the process's arguments; ends the process with its exit code."""
    from effq_core.cli.app import app  # other importers of this package need no Typer

    app(prog_name="effq")
