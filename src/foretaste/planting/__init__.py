"""One attack put into a data set on disk, in its own format, with the truth beside it."""
