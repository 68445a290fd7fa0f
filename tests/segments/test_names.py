"""Names that rotators give."""

import pytest

from batchlog.segments.names import is_leftover, readings

ROTATED = {
    "access.log.1": ("access.log", "", 1),
    "access.log.10.gz": ("access.log", "", 10),
    "access.log.2.xz": ("access.log", "", 2),
    "access.log.3.zst": ("access.log", "", 3),
    "access.log.4.bz2": ("access.log", "", 4),
    "access.log.gz": ("access.log", "", -1),
    "access.log-20261101": ("access.log", "20261101", -1),
    "access.log-20261101.gz": ("access.log", "20261101", -1),
    "access.log-2026110113": ("access.log", "2026110113", -1),
    "access.log-20261101-1795000000": ("access.log", "202611011795000000", -1),
    "access.log.2026-11-01": ("access.log", "20261101", -1),
    "access.log.2026-11-01-13_05": None,
    "access.log.1795000000": ("access.log", "1795000000", -1),
    "access-20261101.log": ("access.log", "20261101", -1),
    "access-20261101.log.gz": ("access.log", "20261101", -1),
    "access.1.log": ("access.log", "", 1),
    "access_log-20261101": ("access_log", "20261101", -1),
    "access_log.2026.11.01": ("access_log", "20261101", -1),
    "other_vhosts_access.log.1": ("other_vhosts_access.log", "", 1),
}


@pytest.mark.parametrize("name", [name for name, found in ROTATED.items() if found])
def test_rotated_names_are_read_as_what_they_were(name: str) -> None:
    expected = ROTATED[name]
    found = [(one.base, one.stamp, one.number) for one in readings(name)]
    assert expected in found


@pytest.mark.parametrize(
    "name", ["access.log", "error.log", "access_log", "www.example.org", "nginx", ""]
)
def test_plain_names_are_no_rotated_ones(name: str) -> None:
    assert () == readings(name)


def test_an_impossible_date_is_no_stamp() -> None:
    assert all(not one.stamp for one in readings("access.log-20261341"))


def test_a_name_with_a_newline_is_no_crash() -> None:
    assert ["access\n.log"] == [one.base for one in readings("access\n.log.1")]


@pytest.mark.parametrize("name", ["a.log~", "a.log.swp", ".a.log", "#a.log#", "a.log.dpkg-old"])
def test_r9_leftovers_are_told(name: str) -> None:
    assert is_leftover(name)


@pytest.mark.parametrize("name", ["access.log", "access.log.1", "access.log.gz"])
def test_logs_are_no_leftovers(name: str) -> None:
    assert not is_leftover(name)


def test_a_long_run_of_digits_takes_no_time() -> None:
    readings("1" * 250 + ".log-" + "2" * 250)
