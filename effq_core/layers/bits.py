"""How many bits the weights of a run's files have, by layer and block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE, PTQ, get_variant
from effq_core.layers.measures import Measure
from effq_core.results.access import of_kind, sources
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.tflite.matrices import with_matrices
from effq_core.tflite.network import Network, read_network
from effq_core.tflite.product_layers import Layer, bits_in, blocks_of, layers_of

WIDTHS, FIT = "widths", "fit"
"""Kinds of the artifacts of what layers cost at fewer bits, and of searches for bits."""


def low_bit_variants(results: Results) -> tuple[str, ...]:
    """Returns a run's variants some of whose weights have fewer than 8 bits, if files are there."""
    if BASELINE not in results.with_files:
        return ()
    return tuple(name for name in results.with_files if 0 < get_variant(name).weight_bits < 8)


def layer_bits(results: Results, variant: str) -> dict[str, int]:
    """Returns the bits of the weights of each layer that can have few, as the file stores them."""
    network = read_network(results.model_file(BASELINE))
    return bits_in(results.model_file(variant).read_bytes(), network)


def free_layers(results: Results) -> tuple[Layer, ...]:
    """Returns the layers of a run's model whose weights can have few bits; none without int8."""
    if not {PTQ, BASELINE} <= set(results.with_files):
        return ()
    network = read_network(results.model_file(BASELINE))
    return layers_of(with_matrices(results.model_file(PTQ).read_bytes()), network)


def block_bits(results: Results, variant: str) -> dict[str, float]:
    """Returns the mean bits of a weight by block, over layers that can have few."""
    network = read_network(results.model_file(BASELINE))
    file = results.model_file(variant).read_bytes()
    return blocks_of(layers_of(file, network), bits_in(file, network))


def bits_measure(blocks: Mapping[str, float], network: Network) -> Measure:
    """Colours blocks by their bits; those whose weights all keep 8 have no number."""
    return Measure(
        title="Bits of a weight, mean of the block",
        values={block.name: blocks[block.name] for block in network.blocks if block.name in blocks},
        write=lambda bits: f"{bits:g} bits",
        brief=lambda bits: f"{bits:g}",
        low_is_bad=True,
    )


def find_widths(results: Results) -> Path | None:
    """Finds what was measured of a run's layers at fewer bits, by any run; the newest."""
    return next(iter(_about(results, WIDTHS)), None)


def find_fits(results: Results) -> tuple[Path, ...]:
    """Finds the searches for bits of a run's layers, by any run; the newest first."""
    return _about(results, FIT)


def _about(results: Results, kind: str) -> tuple[Path, ...]:
    if PTQ not in results.variants or results.folder is None or results.folder == REFERENCE_FOLDER:
        return ()
    pair = {"float32": results.variants[BASELINE].artifact, "int8": results.variants[PTQ].artifact}
    store = ArtifactStore(Home(results.folder.parent))
    found = [each for each in of_kind(store, kind) if pair.items() <= sources(each).items()]
    found.sort(key=lambda each: (bool(each.summary.get("complete", True)), each.created))
    return tuple(each.path for each in reversed(found))
