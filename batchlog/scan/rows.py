"""The scanner for lines of text: one regular expression over a chunk, distinct matches counted.

Fast enough for what a run usually finds, and right for any line: other scanners of text leave to
it what they cannot read.
"""

from collections import Counter

from batchlog.formats import Format, pattern
from batchlog.scan.count import Meter, Raw, Wanted, by_parts, stamper, wants
from batchlog.tally import Tally


class Rows:
    """Scans lines of a text format; it keeps nothing from one chunk to the next."""

    apart = True

    def __init__(
        self, form: Format, by: tuple[str, ...], bounds: tuple[int, ...], context: str
    ) -> None:
        self.context = context
        self.wanted = Wanted(form, by, bounds)
        self._regex, order = pattern.counting(form, wants(form, by))
        self._meter = Meter(form, by, bounds, order)
        self._stamp = stamper(form) if form.has_stamp else None
        self._alone = len(order) == 1

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_parts(self._part, data, begin, end)

    def _part(self, lines: bytes) -> Tally:
        tally = Tally()
        self._meter.add(self._raws(lines).items(), tally)
        if tally.rows:
            tally.newest = self.newest(lines)
        return tally

    def _raws(self, lines: bytes) -> Counter[Raw]:
        """Count the lines by their raw texts."""
        found = self._regex.findall(lines)
        return Counter((text,) for text in found) if self._alone else Counter(found)

    def newest(self, data: bytes, begin: int = 0, end: int | None = None) -> int | None:
        """Return the stamp of the last line that counts and has one."""
        end = len(data) if end is None else end
        while self._stamp and end > begin:
            at = data.rfind(b"\n", begin, end - 1) + 1 or begin
            line = data[at:end]
            stamp = self._stamp(line)
            if stamp is not None and self._counts(line):
                return stamp
            end = at
        return None

    def _counts(self, line: bytes) -> bool:
        """Tell whether one line, with its newline, counts."""
        found = self._regex.match(line)
        return found is not None and self._meter.read(found.groups(b"")) is not None
