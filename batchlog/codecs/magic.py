"""Forms by magic bytes, never by name (R46). Nothing here decompresses."""

_SKIPPABLE = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
"""Zstandard's skippable frames (RFC 8878, 3.1.2); pzstd begins its files with one."""

MAGIC = {
    "gzip": (b"\x1f\x8b",),
    # Level, then the first block or, in an empty file, the end of the stream: three letters alone
    # could be the beginning of a host name.
    "bzip2": tuple(
        b"BZh%d" % level + block for level in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90")
    ),
    "xz": (b"\xfd7zXZ\0",),
    "zstd": (b"\x28\xb5\x2f\xfd", *_SKIPPABLE),
}
"""How a member of each compressed form may begin."""

_FOREIGN = {
    b"\x1f\x9d": "compress (.Z)",
    b"\x1f\xa0": "compress (.Z)",
    b"\x1f\x1e": "pack (.z)",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x02\x21\x4c\x18": "lz4",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"LZIP\x01": "lzip",
    b"\x89LZO\0\r\n\x1a\n": "lzop",
    b"]\0\0": "lzma",
    b"\xff\x06\0\0sNaPpY": "snappy",
    b"LPKSHHRH": "a systemd journal",
    b"\x7fELF": "a program",
    b"\x89PNG\r\n\x1a\n": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF-": "PDF",
    b"SQLite format 3\0": "an SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}

_CONTROLS = frozenset(range(0x20)) - frozenset(b"\0\t\n\r\x1b") | {0x7F}
"""No server begins a line with one of these. NULs are the hole that copytruncate leaves (R27)."""

LONGEST = max(len(magic) for magics in MAGIC.values() for magic in magics)
"""Bytes that tell each form."""


def form_of(head: bytes) -> str | None:
    """Return the form of a file that begins with `head` (64 bytes are enough).

    "plain", "gzip", "bzip2", "xz" or "zstd"; None where it is something else, which must never be
    read as text (R45): `kind_of` may have a name for it. An empty file is plain.
    """
    for form, magics in MAGIC.items():
        if head.startswith(magics):
            return form
    if len(head) < LONGEST and not _is_text(head):
        for form in MAGIC:
            if may_begin(form, head):
                return form
    if kind_of(head) is not None or (head and head[0] in _CONTROLS):
        return None
    return "plain"


def kind_of(head: bytes) -> str | None:
    """Return what a file that batchlog does not read is, in words; None where that is not known."""
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            return kind
    return None


def may_begin(form: str, head: bytes) -> bool:
    """Whether `head` is how a member of `form` begins, as far as it goes."""
    return head.startswith(MAGIC[form]) or any(magic.startswith(head) for magic in MAGIC[form])


def _is_text(head: bytes) -> bool:
    return head.isascii() and head.decode("ascii").isprintable()
