"""Mergeable memories that methods share."""
