"""What a scanner adds up: plain integers, so that any order of merging gives the same bytes.

No floats (their sums depend on the order), no Prometheus types, no input or output.
"""

from dataclasses import dataclass, field

UNTIMED = 0
"""The slot of a key when counts are not kept by minute."""

Key = tuple[int, tuple[str, ...]]
"""Slot (`UNTIMED`, or the minute since 1970) and label values in the order they were asked for."""

Row = list[int]
"""`[requests, bytes]`, and where the format carries durations also
`[…, duration in ns, count of each bucket…, count above the last bound]`, not cumulative."""


@dataclass(slots=True)
class Tally:
    """Counts of some whole lines.

    Each line is in exactly one of: a row's requests, `malformed`, `oversize` (longer than the
    cap), `skipped` (known to the format as no request). `undated` lines are counted ones whose
    time could not be read where it was asked for. `newest` is the stamp (Unix seconds) of the
    last counted line that has one.
    """

    rows: dict[Key, Row] = field(default_factory=dict)
    malformed: int = 0
    oversize: int = 0
    skipped: int = 0
    undated: int = 0
    newest: int | None = None

    @property
    def counted(self) -> int:
        """Number of lines that count as requests."""
        return sum(row[0] for row in self.rows.values())

    @property
    def lines(self) -> int:
        """Number of lines seen, whatever became of them."""
        return self.counted + self.malformed + self.oversize + self.skipped

    def add(self, key: Key, row: Row) -> None:
        """Add `row` to the row of `key`, element by element."""
        old = self.rows.get(key)
        if old is None:
            self.rows[key] = list(row)
        else:
            self.rows[key] = [a + b for a, b in zip(old, row, strict=True)]

    def merge(self, later: "Tally") -> None:
        """Add the counts of lines that stand after those counted here."""
        for key, row in later.rows.items():
            self.add(key, row)
        self.malformed += later.malformed
        self.oversize += later.oversize
        self.skipped += later.skipped
        self.undated += later.undated
        if later.newest is not None:
            self.newest = later.newest
