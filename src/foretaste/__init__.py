"""Taste the data before the model does."""
