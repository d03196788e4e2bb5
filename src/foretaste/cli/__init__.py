"""The command line: thin, and the only floor that prints."""
