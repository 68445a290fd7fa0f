import pytest

from batchlog.config.crontab import parse
from batchlog.errors import ConfigError


@pytest.mark.parametrize(
    ("expected", "expression"),
    [
        ("0 0 1 1 *", "@yearly"),
        ("0 0 1 1 *", "@annually"),
        ("0 0 1 * *", "@monthly"),
        ("0 0 * * 0", "@weekly"),
        ("0 0 * * 0", "@Weekly"),
        ("0 0 * * *", "@daily"),
        ("0 0 * * *", "@midnight"),
        ("0 * * * *", " @hourly\n"),
        ("0 0 * * 0", "0 0 * * 7"),
        ("0 0 * * 0", "0 0 * * SUN"),
        ("0 0 * * 5,6,0", "0 0 * * 5-7"),
        ("0 0 * * 1-5", "0 0 * * mon-fri"),
        ("0 0 1 3-5 *", "0 0 1 Mar-May *"),
        ("0,20,40 * * * *", "*/20\t *  * * *"),
        ("10,25,40 * * * *", "10-50/15 * * * *"),
        ("1,2,3,30 * * * *", "30,1-3,2 * * * *"),
        ("0 * * * *", "*/90 * * * *"),
        ("7 * * * *", "007 * * * *"),
    ],
)
def test_two_ways_to_write_the_same(expected: str, expression: str) -> None:
    assert parse(expected) == parse(expression)


@pytest.mark.parametrize(
    ("expected", "expression"),
    [
        (True, "0 0 13 * 5"),
        (False, "0 0 13 * *"),
        (False, "0 0 * * 5"),
        (False, "0 0 */2 * 5"),
        (False, "0 0 13 * */2"),
        (True, "0 0 1-31 * 0-7"),
    ],
)
def test_one_of_the_two_days_is_enough_where_neither_begins_with_a_star(
    expected: bool, expression: str
) -> None:
    assert expected is parse(expression).either


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "has 0 fields; expected five"),
        ("* * * *", "has 4 fields; expected five: minute, hour, day of month, month, day of week"),
        ("0 * * * * *", "has 6 fields"),
        ("@reboot", "use --every"),
        ("@often", "expected one of @yearly"),
        ("60 * * * *", "minute '60' cannot be used; expected 0 to 59"),
        ("0 24 * * *", "hour '24'"),
        ("0 0 0 * *", "day of month '0' cannot be used; expected 1 to 31"),
        ("0 0 * 13 *", "month '13' cannot be used; expected 1 to 12 or jan to dec"),
        ("0 0 * * 8", "day of week '8' cannot be used; expected 0 to 7 or sun to sat"),
        ("0 0 * * monday", "day of week 'monday'"),
        ("0 0 L * *", "day of month 'l'"),
        ("1,,2 * * * *", "minute ''"),
        ("-1 * * * *", "minute '-1'"),
        ("\u0663 * * * *", "minute '\u0663'"),
        ("*/0 * * * *", "expected one from 1"),
        ("*/ * * * *", "expected one from 1"),
        ("*/x * * * *", "expected one from 1"),
        ("5/10 * * * *", "write 5-59/10"),
        ("30-10 * * * *", "runs backwards"),
        ("0 0 * * fri-sun", "runs backwards"),
        ("0 0 30 2 *", "never comes: no such month has a day 30"),
        ("0 0 31 2,4,6,9,11 *", "never comes"),
        ("0 0 30 feb */2", "never comes"),
    ],
)
def test_what_cron_would_not_run_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(expression)
    assert reason in str(error.value)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 31 1-2 *", "0 0 30 2 1"])
def test_a_day_that_comes_now_and_then_is_accepted(expression: str) -> None:
    parse(expression)
