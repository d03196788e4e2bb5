"""One file per place where work can run."""
