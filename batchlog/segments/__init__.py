"""Segments: find the files of a log, know their content again, read what is new."""
