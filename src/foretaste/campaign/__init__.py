"""The red team: attacks replayed against a pipeline, cell by cell, and the score kept."""
