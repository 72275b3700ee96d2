"""What leaves the house: exports, reports, bundles for devices."""
