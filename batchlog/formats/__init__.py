"""Formats as data: what a line holds, and where."""

from batchlog.formats.presets import PRESETS, resolve
from batchlog.formats.tokens import Field, Format, Role

__all__ = ["PRESETS", "Field", "Format", "Role", "resolve"]
