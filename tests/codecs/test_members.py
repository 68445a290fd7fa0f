"""Blocks of compressed files: members, faults, bounds."""

import bz2
import gzip
import io
import lzma
import random
import sys
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog import codecs
from batchlog.codecs import decompressors
from batchlog.codecs.members import INPUT, OUTPUT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options=CHECKED),
}

FORMS = sorted(COMPRESS)

each_form = pytest.mark.parametrize("form", FORMS)


def noise(length: int) -> bytes:
    """Return bytes that no compressor makes smaller."""
    return random.Random(length).randbytes(length)


class Outcome:
    """What a file's bytes gave."""

    def __init__(self, form: str, data: bytes, chunk: int = 1 << 30) -> None:
        source = io.BytesIO(data)
        self.blocks: list[bytes] = []
        self.verified = b""
        self.fault = ""
        try:
            for block, verified in codecs.decode(form, lambda n: source.read(min(n, chunk))):
                self.blocks.append(block)
                if verified:
                    self.verified = self.content
        except (codecs.Truncated, codecs.Corrupt) as fault:
            self.fault = f"{type(fault).__name__}: {fault}"

    @property
    def content(self) -> bytes:
        """All blocks, verified or not."""
        return b"".join(self.blocks)


@pytest.fixture(params=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whichever library reads gzip."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    return str(request.param)


@each_form
def test_a_whole_file_is_decoded_and_verified_r45(form: str) -> None:
    outcome = Outcome(form, COMPRESS[form](b"one\ntwo\n"))
    assert outcome.content == b"one\ntwo\n"
    assert outcome.verified == b"one\ntwo\n"
    assert outcome.fault == ""


def test_a_plain_file_passes_through_as_it_is() -> None:
    data = noise(OUTPUT + 1)
    outcome = Outcome("plain", data)
    assert data == outcome.verified
    assert [len(block) for block in outcome.blocks] == [OUTPUT, 1]
    assert Outcome("plain", b"").blocks == []


@each_form
@pytest.mark.usefixtures("library")
def test_members_one_after_another_are_one_content_r40(form: str) -> None:
    data = b"".join(COMPRESS[form](part) for part in (b"one\n", b"", b"two\n"))
    outcome = Outcome(form, data)
    assert outcome.content == b"one\ntwo\n"
    assert outcome.verified == b"one\ntwo\n"
    assert outcome.fault == ""


@each_form
@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    padding=st.integers(0, 5),
    chunk=st.integers(1, 70),
)
def test_the_size_of_reads_and_zeros_behind_members_change_nothing_r42(
    form: str, parts: list[bytes], padding: int, chunk: int
) -> None:
    data = b"".join(COMPRESS[form](part) + bytes(4 * padding) for part in parts)
    outcome = Outcome(form, data, chunk)
    assert b"".join(parts) == outcome.verified
    assert outcome.fault == ""


@each_form
def test_padding_longer_than_a_read_is_fine_wherever_it_stands_r42(form: str) -> None:
    padding = bytes(3 * INPUT)
    data = COMPRESS[form](b"one\n") + padding + COMPRESS[form](b"two\n") + padding
    outcome = Outcome(form, data)
    assert outcome.verified == b"one\ntwo\n"
    assert outcome.fault == ""


@each_form
def test_garbage_behind_a_member_is_a_fault_after_the_members_before_it_r42(form: str) -> None:
    outcome = Outcome(form, COMPRESS[form](b"one\n") + b"garbage")
    assert outcome.verified == b"one\n"
    assert f"Corrupt: what follows its last whole member is not {form}" == outcome.fault


@each_form
def test_another_form_than_expected_is_a_fault_r46(form: str) -> None:
    outcome = Outcome(form, b"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700]")
    assert f"Corrupt: it is not {form}" == outcome.fault


@each_form
@pytest.mark.usefixtures("library")
def test_a_file_of_size_0_is_not_complete_r34(form: str) -> None:
    outcome = Outcome(form, b"")
    assert outcome.fault == "Truncated: it ends in the middle"
    assert outcome.blocks == []


@each_form
@pytest.mark.usefixtures("library")
def test_a_file_cut_anywhere_gives_all_that_can_be_decoded_of_it_r33(form: str) -> None:
    first, second = COMPRESS[form](b"one\n"), COMPRESS[form](b"two\n" + noise(100))
    for cut in range(1, len(second)):
        outcome = Outcome(form, first + second[:cut])
        assert outcome.fault == "Truncated: it ends in the middle"
        assert outcome.verified == b"one\n"
        assert (b"one\ntwo\n" + noise(100)).startswith(outcome.content)


@each_form
@pytest.mark.usefixtures("library")
def test_no_byte_in_front_of_a_cut_is_held_back_r44(form: str) -> None:
    whole = b"".join(b"line %d\n" % number for number in range(OUTPUT // 6))
    data = COMPRESS[form](whole)
    cut = data[: len(data) * 2 // 3]
    expected = one_gulp(form, cut)
    assert len(expected) > OUTPUT
    outcome = Outcome(form, cut)
    assert expected.startswith(outcome.content)
    # isal decodes two symbols at a time and may wait for the second.
    assert len(expected) - len(outcome.content) <= 1
    assert outcome.verified == b""


def one_gulp(form: str, data: bytes) -> bytes:
    """Decompress with the standard library and no bound."""
    if form == "gzip":
        return zlib.decompressobj(wbits=31).decompress(data)
    if form == "bzip2":
        return bz2.BZ2Decompressor().decompress(data)
    if form == "xz":
        return lzma.LZMADecompressor().decompress(data)
    return zstd.ZstdDecompressor().decompress(data)


@pytest.mark.parametrize("place", [-1, -5], ids=["size", "checksum"])
@pytest.mark.usefixtures("library")
def test_a_wrong_gzip_trailer_is_found_at_the_members_end_r41(place: int) -> None:
    bad = bytearray(COMPRESS["gzip"](b"two\n"))
    bad[place] ^= 1
    outcome = Outcome("gzip", COMPRESS["gzip"](b"one\n") + bytes(bad))
    assert outcome.verified == b"one\n"
    assert outcome.fault.startswith("Corrupt: ")


@each_form
@pytest.mark.usefixtures("library")
def test_the_same_damage_always_gives_the_same_blocks_r41_r44(form: str) -> None:
    whole = noise(3 * OUTPUT)
    bad = bytearray(COMPRESS[form](whole))
    bad[len(bad) // 2] ^= 0x10
    outcome = Outcome(form, bytes(bad))
    assert outcome.verified == b""
    assert outcome.fault.startswith("Corrupt: ")
    assert outcome.blocks == Outcome(form, bytes(bad) + b"more").blocks


@each_form
def test_a_bomb_comes_in_bounded_blocks_r43(form: str) -> None:
    outcome = Outcome(form, COMPRESS[form](bytes(40 * OUTPUT)))
    assert max(map(len, outcome.blocks)) <= OUTPUT
    assert len(outcome.verified) == 40 * OUTPUT


def with_window(form: str, log: int) -> bytes:
    """Return a file whose reader has to keep `2 ** log` bytes."""
    if form == "xz":
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << log, "preset": 0}]
        return lzma.compress(b"one\n", filters=filters)
    # Not zstd.compress(): it knows the size, and takes no larger window than that.
    stream = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    return stream.compress(b"one\n") + stream.flush()


@pytest.mark.parametrize("form", ["xz", "zstd"])
def test_a_window_beyond_the_bound_is_a_fault_that_says_so_r43(form: str) -> None:
    outcome = Outcome(form, with_window(form, 27))
    assert outcome.blocks == []
    assert outcome.fault == (
        "Corrupt: its window is too large, 64 MiB are the most; compress it anew with a smaller one"
    )


@pytest.mark.parametrize("form", ["xz", "zstd"])
def test_a_window_of_64_mib_is_read_as_of_xz_9(form: str) -> None:
    assert Outcome(form, with_window(form, 26)).verified == b"one\n"
    assert Outcome("xz", lzma.compress(b"one\n", preset=9)).verified == b"one\n"


def gzip_header(flags: int) -> bytes:
    """Return a member's header with the optional fields of RFC 1952, 2.3.1."""
    header = bytes([0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3])
    header += b"\x05\0extra" if flags & 4 else b""
    header += b"access.log\0" if flags & 8 else b""
    header += b"comment\0" if flags & 16 else b""
    return header + ((zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b"")


@pytest.mark.parametrize("flags", range(0, 32, 2))
@pytest.mark.usefixtures("library")
def test_a_gzip_header_across_two_reads_is_understood(flags: int) -> None:
    plain = COMPRESS["gzip"](b"two\n")
    member = gzip_header(flags) + plain[10:]
    for before in range(1, len(gzip_header(flags)), 3):
        first = COMPRESS["gzip"](noise(INPUT - 200))
        filler = INPUT - before - len(first)
        data = first + bytes(filler) + member
        outcome = Outcome("gzip", data)
        assert outcome.verified.endswith(b"two\n")
        assert outcome.fault == ""


def test_an_error_of_the_disk_is_not_taken_for_wrong_data() -> None:
    def read(_length: int) -> bytes:
        return next(chunks)

    def failing() -> Iterator[bytes]:
        yield bz2.compress(b"one\n")[:-1]
        raise OSError(5, "Input/output error")

    chunks = failing()
    with pytest.raises(OSError, match="Input/output error"):
        list(codecs.decode("bzip2", read))


def test_isal_reads_gzip_where_it_is_installed() -> None:
    pytest.importorskip("isal")
    assert decompressors.maker("gzip").begin is not decompressors.ZlibMember
