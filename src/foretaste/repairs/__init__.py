"""One file per way to clean a data set or a model."""
