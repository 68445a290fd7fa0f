"""What a scanner adds up: plain integers, so that any order of merging gives the same bytes.

No floats (their sums depend on the order), no Prometheus types, no input or output.
"""

from collections.abc import Iterator

import msgspec

UNTIMED = 0
"""The slot of a key when counts are not kept by time."""

PACK = 100_000
"""Rows above which a tally in the making is packed: as objects they take ten times as much."""

Key = tuple[int, tuple[str, ...]]
"""Slot (`UNTIMED`, or the number of steps since 1970) and label values in the order asked for."""

Row = list[int]
"""`[requests, bytes]`, and where the format carries durations also
`[…, duration in ns, count of each bucket…, count above the last bound]`, not cumulative."""

_LARGE = 1 << 63
_unpack = msgspec.msgpack.Decoder(list[tuple[Key, Row]]).decode


class Packed(msgspec.Struct, frozen=True):
    """Rows in few bytes, which are read again one packet at a time."""

    counted: int
    """Number of lines that they count."""
    rows: bytes

    def all_rows(self) -> list[tuple[Key, Row]]:
        """Return the rows."""
        return _unpack(self.rows)


class Tally(msgspec.Struct):
    """Counts of some whole lines.

    Each line is in exactly one of: a row's requests, `malformed`, `oversize` (longer than the
    cap), `skipped` (known to the format as no request, or out of the bounds of time). `undated`
    lines are counted ones whose time could not be read where it was asked for. `newest` is the
    stamp (Unix seconds) of the last counted line that has one.

    Counts by time may have millions of rows: `pack` moves those in `rows` to `packed`, and
    `all_rows` gives both.
    """

    rows: dict[Key, Row] = msgspec.field(default_factory=dict)
    malformed: int = 0
    oversize: int = 0
    skipped: int = 0
    undated: int = 0
    newest: int | None = None
    packed: list[Packed] = msgspec.field(default_factory=list)

    @property
    def counted(self) -> int:
        """Number of lines that count as requests."""
        packed = sum(packet.counted for packet in self.packed)
        return packed + sum(row[0] for row in self.rows.values())

    @property
    def lines(self) -> int:
        """Number of lines seen, whatever became of them."""
        return self.counted + self.malformed + self.oversize + self.skipped

    def all_rows(self) -> Iterator[tuple[Key, Row]]:
        """Yield all rows, packed ones first; the same key may come more than once."""
        for packet in self.packed:
            yield from packet.all_rows()
        yield from self.rows.items()

    def add(self, key: Key, row: Row) -> None:
        """Add `row` to the row of `key`, element by element."""
        old = self.rows.get(key)
        if old is None:
            self.rows[key] = list(row)
        else:
            self.rows[key] = [a + b for a, b in zip(old, row, strict=True)]

    def pack(self) -> None:
        """Move the rows into a packet of few bytes; those with numbers too large for it stay."""
        fit = [(key, row) for key, row in self.rows.items() if max(row) < _LARGE]
        if fit:
            counted = sum(row[0] for _, row in fit)
            self.packed.append(Packed(counted, msgspec.msgpack.encode(fit)))
            self.rows = {key: row for key, row in self.rows.items() if max(row) >= _LARGE}

    def merge(self, later: "Tally") -> None:
        """Add the counts of lines that stand after those counted here."""
        for key, row in later.rows.items():
            self.add(key, row)
        self.packed += later.packed
        self.malformed += later.malformed
        self.oversize += later.oversize
        self.skipped += later.skipped
        self.undated += later.undated
        if later.newest is not None:
            self.newest = later.newest
