"""Compressed files: which form, and their bytes."""
