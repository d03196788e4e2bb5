"""One inspection: a model or its file in, a verdict with its reasons out."""
