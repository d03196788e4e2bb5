"""One file per way to add the columns detectors need."""
