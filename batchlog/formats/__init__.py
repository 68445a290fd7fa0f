"""Formats as data: what a line holds, and where."""
