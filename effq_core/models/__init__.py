"""Sources of models and how they are rebuilt in a worker."""
