"""Ships what a run found out about the layers of the reference run's own files.

The photos the reference run was measured on are not shipped, so nobody else can look into its
layers. The run must have made the very same float32 and int8 files:

    python benchmarks/add_reference_layers.py RUN_ID
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE, PTQ
from effq_core.layers.access import EFFECT, REFERENCE_LAYERS, SIGNAL, find_evidence
from effq_core.results import load_reference, load_results
from effq_core.store.database import Database


def main() -> None:
    """Copies the evidence beside the reference run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run_id")
    home = Home.from_environment()
    run = Database(home.database).get_run(parser.parse_args().run_id)
    results, reference = load_results(home, run), load_reference()
    for name in (BASELINE, PTQ):
        made, shipped = (each.variants[name].file.sha256 for each in (results, reference))
        if made != shipped:
            raise SystemExit(f"{name} is another file ({made[:12]}) than the one shipped.")
    evidence = find_evidence(results)
    if evidence is None or evidence.signal is None or evidence.effect is None:
        raise SystemExit("The run has not looked into its layers: `effq layers RUN`.")
    for kind, folder in ((SIGNAL, evidence.signal), (EFFECT, evidence.effect)):
        _copy(folder, REFERENCE_LAYERS / kind)


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name != "manifest.json":
            shutil.copyfile(path, target / path.name)
            print(f"{path.stat().st_size / 1024:8.0f} KiB  {target.name}/{path.name}")


if __name__ == "__main__":
    main()
