"""One file per way to suspect a model."""
