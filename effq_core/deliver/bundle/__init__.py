"""Everything a device needs to run a variant: its file, names, a card and two programs."""

from effq_core.deliver.bundle.bundle import MEMBERS, bundle_bytes, bundle_name, write_bundle
from effq_core.deliver.bundle.card import model_card

__all__ = ["MEMBERS", "bundle_bytes", "bundle_name", "model_card", "write_bundle"]
