"""What logrotate's configuration says about a log (R25)."""

from pathlib import Path

import pytest

from batchlog.job.logrotate import copytruncated

WHOLE = """\
# copytruncate in a comment is none
weekly
/var/log/a/*.log "/var/log/with space/x.log" {
    daily
    copytruncate
    postrotate
        if [ -d /x ]; then echo { copytruncate }; fi
    endscript
}
/var/log/plain.log {
    missingok
    postrotate
        echo copytruncate
    endscript
}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "logrotate.conf"
    path.write_text(WHOLE)
    return path


@pytest.mark.parametrize("log", ["/var/log/a/access.log", "/var/log/with space/x.log"])
def test_r25_a_log_in_a_block_with_copytruncate_is_named_with_its_file(
    configuration: Path, log: str
) -> None:
    assert str(configuration) == copytruncated(log, (str(configuration),))


@pytest.mark.parametrize("log", ["/var/log/plain.log", "/var/log/unheard-of.log"])
def test_a_log_without_it_is_not(configuration: Path, log: str) -> None:
    assert copytruncated(log, (str(configuration),)) is None


def test_an_option_before_all_blocks_is_every_blocks_unless_it_says_no(tmp_path: Path) -> None:
    (tmp_path / "logrotate.conf").write_text("copytruncate\ninclude /etc/logrotate.d\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "web").write_text("/l/a.log {\n daily\n}\n/l/b.log {\n nocopytruncate\n}\n")
    files = (str(tmp_path / "logrotate.conf"), str(tmp_path / "d" / "*"))
    assert str(tmp_path / "d" / "web") == copytruncated("/l/a.log", files)
    assert copytruncated("/l/b.log", files) is None


def test_no_configuration_says_nothing(tmp_path: Path) -> None:
    assert copytruncated("/l/a.log", (str(tmp_path / "none"),)) is None


def test_quotes_that_never_end_are_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_text('/l/a.log "/l/b {\n copytruncate\n}\n')
    assert str(path) == copytruncated("/l/a.log", (str(path),))
