"""Sources of photos: where they come from, how they are sampled and decoded."""
