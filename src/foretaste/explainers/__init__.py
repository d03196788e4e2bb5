"""One file per way to show why."""
