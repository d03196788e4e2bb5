"""Methods in use over a data set: what runs, in which order, and what it comes to."""
