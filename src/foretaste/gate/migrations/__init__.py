"""How the tables of a gate's journal came to be, version by version."""
