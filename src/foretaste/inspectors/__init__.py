"""Judges of trained models and of the files they come in; one file a method."""
