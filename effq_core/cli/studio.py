"""``effq studio``."""

from pathlib import Path
from typing import Annotated

import typer

from effq_core.base.settings import STUDIO, Home


def studio(
    port: Annotated[int, typer.Option(help="Port to serve on.", min=1, max=65535)] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to serve on; 127.0.0.1 keeps other machines out.")
    ] = "0.0.0.0",  # noqa: S104 - as Streamlit does; docs/security.md says who may reach it
    home: Annotated[
        Path | None, typer.Option(help="Folder of the store, in place of EFFQ_HOME.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open the dashboard. Ctrl-C ends it; runs go on."""
    import os
    import sys

    from effq_core.base.settings import process_environment

    chosen = Home.at(home) if home else Home.from_environment()
    command = [
        # -P: files in the current folder are no modules.
        *(sys.executable, "-P", "-m", "streamlit", "run", str(STUDIO / "streamlit_app.py")),
        *(f"--server.port={port}", f"--server.address={address}"),
        f"--server.headless={str(not browser).lower()}",
    ]
    # This process becomes the server: signals reach it, and whoever started it sees it end.
    os.execve(sys.executable, command, process_environment(chosen.root))  # noqa: S606
