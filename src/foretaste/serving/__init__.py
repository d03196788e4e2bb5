"""A gate as a web service: thin, and open to nobody who was not let in."""
