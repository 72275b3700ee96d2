"""Finished artifacts and the index over them."""
