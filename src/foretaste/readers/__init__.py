"""One file per format, and back."""
