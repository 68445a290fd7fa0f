"""Compressed files: which form, and their bytes. Bytes and callables come in, never a file."""

from batchlog.codecs.magic import form_of, kind_of
from batchlog.codecs.members import Corrupt, Truncated, decode

__all__ = ["Corrupt", "Truncated", "decode", "form_of", "kind_of"]
