"""The documents say what the program does: their commands are run, their tables compared.

A fence marked `console` is run: lines that begin with `$ ` are commands, the lines below each are
what it says. All blocks of the README are one session of a shell, in a directory of its own where
`demo` is a copy of the repository's. What a machine or a moment decides is made alike on both sides
(`alike`).
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
import pytest

from batchlog.cli.group import COMMANDS
from batchlog.config.convert import convert
from batchlog.config.schema import File, Gateway, LogEntry, Metrics, Schedule, Textfile
from batchlog.errors import Exit
from batchlog.formats import PRESETS, Field, Role, resolve
from batchlog.metrics import families
from tests.servers import Pushgateway, binary
from tests.test_metrics import FULL, RUN

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")

VOLATILE = (
    (r"in \d+\.\d\d s", "in 0.00 s"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "2000-01-01 00:00:00Z"),
    (r"\b[0-9a-f]{32}\b", "0" * 32),
)
"""Patterns of what differs each time, and what both sides have in their place."""

GATEWAY = "http://localhost:9091"


class Command(NamedTuple):
    """A command of a console block, and what it says."""

    line: str
    output: str


def commands(text: str) -> list[Command]:
    """Return the commands of all console blocks."""
    found = []
    for block in re.findall(r"(?ms)^```console\n(.*?)^```", text):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            line, _, output = part.partition("\n")
            found.append(Command(line, output))
    return found


SESSION = [command for command in commands(README) if not command.line.endswith("--help")]
HELPS = [command for command in commands(README) if command.line.endswith("--help")]


def alike(text: str) -> str:
    """Return a text with what is volatile made the same."""
    for pattern, instead in VOLATILE:
        text = re.sub(pattern, instead, text)
    return text


def shell(line: str, directory: Path, **environment: str) -> str:
    """Run a line as a person would who has batchlog on PATH; return all that it says."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BATCHLOG_") and not name.lower().endswith("_proxy")
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env=kept | {"PATH": path, "COLUMNS": "100", "LC_ALL": "C.UTF-8"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def section(heading: str, text: str = README) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"(?ms)^{re.escape(heading)}$\n(.*?)(?=^#{{1,{level}}} |\Z)", text)
    assert found is not None, f"there is no {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of all table rows, headings and rules left out."""
    tables = re.findall(r"(?m)^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


def code(text: str) -> list[str]:
    """Return what stands between backquotes."""
    return re.findall(r"`([^`]+)`", text)


# Commands


def test_the_commands_of_the_readme_say_what_it_shows(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    binary("curl")
    pushgateway.wipe()
    here = tmp_path / "here"
    shutil.copytree(ROOT / "demo", here / "demo")
    demo = {path: path.read_bytes() for path in (here / "demo").rglob("*") if path.is_file()}
    script = "\n".join(f"printf '\\0'\n{command.line}" for command in SESSION)
    script = script.replace(GATEWAY, pushgateway.url)
    found = shell(script, here, BATCHLOG_GROUPING="instance=web1")
    found = found.replace(str(here), "/home/you").replace(pushgateway.url, GATEWAY)
    left = pushgateway.lines("batchlog_")
    pushgateway.wipe()
    assert [alike(command.output) for command in SESSION] == alike(found).split("\0")[1:]
    assert [] == left
    assert demo.items() <= {p: p.read_bytes() for p in here.rglob("*") if p.is_file()}.items()
    assert {"demo", "try"} == {path.name for path in here.iterdir()}


def test_the_readme_has_commands_to_run_and_helps_to_compare() -> None:
    assert len(SESSION) > 4
    named = ["batchlog", "batchlog push", "batchlog run", "batchlog backfill"]
    assert [f"{name} --help" for name in named] == [command.line for command in HELPS]


@pytest.mark.parametrize("command", HELPS, ids=lambda command: command.line)
def test_a_help_in_the_readme_is_the_programs_own(command: Command, tmp_path: Path) -> None:
    assert command.output == shell(command.line, tmp_path)


def options(name: str) -> Iterator[click.Option]:
    """Yield the options of a command, but for --help."""
    command: click.Command = import_module(f"batchlog.cli.{name}").command
    yield from (p for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_section_of_a_command_names_its_options_and_no_others(name: str) -> None:
    written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", section(f"### `{name}`")))
    known = {long for option in options(name) for long in option.opts if long.startswith("--")}
    assert known == written - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_the_environment_variable_of_its_name(name: str) -> None:
    longs = {option.envvar: option.opts[-1] for option in options(name)}
    assert longs == {f"BATCHLOG_{o[2:].replace('-', '_').upper()}": o for o in longs.values()}


def test_the_exit_codes_stand_in_the_order_in_which_they_apply() -> None:
    written = [Exit(int(row[0])) for row in rows(section("### Exit codes"))]
    assert set(Exit) == set(written)
    assert Exit.OK == written[0]
    assert written[1:-1] == [Exit.first(pair) for pair in pairwise(written[1:])]


# Configuration

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": File,
    "[gateway]": Gateway,
    "[textfile]": Textfile,
    "[metrics]": Metrics,
    "[schedule]": Schedule,
    "[[log]]": LogEntry,
}


class Key(NamedTuple):
    """A key in the README's table."""

    section: str
    name: str
    cell: str
    """Its type and default."""


def keys() -> Iterator[Key]:
    """Yield the keys of the README's table."""
    inside = ""
    for first, cell, *_ in rows(section("## Configuration")):
        if first.startswith("**"):
            (inside,) = code(first)
        else:
            yield from (Key(inside, name, cell) for name in code(first))


def test_the_configuration_table_has_every_key_and_no_other() -> None:
    tables = {*SECTIONS} - {""}
    written: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for key in keys():
        written[key.section].append(key.name)
    known = {name: list(shape.__struct_fields__) for name, shape in SECTIONS.items()}
    known[""] = [name for name in known[""] if not any(name in table for table in tables)]
    assert known == written


def with_default() -> list[Key]:
    """Return the keys whose default is written as a value of TOML."""
    return [key for key in keys() if re.search(r"; `[^`]+`$", key.cell)]


@pytest.mark.parametrize("key", with_default(), ids=lambda key: f"{key.section}{key.name}")
def test_a_default_in_the_configuration_table_is_the_programs_own(key: Key) -> None:
    value = tomllib.loads(f"it = {code(key.cell)[-1]}")["it"]
    table = key.section.strip("[]")
    raw: dict[str, Any] = {table: {key.name: value}} if table else {key.name: value}
    default: dict[str, Any] = {}
    if table == "log":
        raw, default = {"log": [{"path": "/a", key.name: value}]}, {"log": [{"path": "/a"}]}
    told, own = convert(raw), convert(default)
    if key.name == "every":
        assert told.schedule.interval == own.schedule.interval
    else:
        assert told == own


def test_most_defaults_are_compared() -> None:
    assert len(with_default()) > 12


# Formats and metrics


def test_the_presets_of_the_readme_are_the_programs() -> None:
    table = [row for row in rows(section("## Formats")) if "%h" in row[1]]
    written = {name: resolve(code(row[1])[0]).tokens for row in table for name in code(row[0])}
    assert {name: form.tokens for name, form in PRESETS.items()} == written


def test_every_field_that_the_readme_calls_measured_is() -> None:
    table = [row for row in rows(section("## Formats")) if row[2:]]
    names = [name.replace("…", "sec") for row in table for name in code(row[1]) + code(row[2])]
    assert len(names) > 20
    assert [] == [name for name in names if role(name) is Role.NONE]


def role(name: str) -> Role:
    """Return what a directive or variable is measured for."""
    status = "$status" if name.startswith("$") else "%>s"
    spec = name if role_of_status(name) else f"{status} {name}"
    fields = [token for token in resolve(spec).tokens if isinstance(token, Field)]
    return fields[-1].role


def role_of_status(name: str) -> bool:
    """Return whether this is the status itself, of which a format needs one only."""
    return name in ("$status", "%s", "%>s")


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_the_recipe_for_durations_can_be_pasted_into_the_configuration(server: str) -> None:
    (line,) = re.findall(rf"(?ms)^```{server}\n(.*?)\n```", section("## Recipes"))
    assert resolve(line).has_duration
    assert resolve(line).size is not None


def test_the_recipes_for_the_configuration_are_valid_and_measure_durations() -> None:
    (text,) = re.findall(r"(?ms)^```toml\n(.*?)^```", section("## Recipes"))
    logs = convert(tomllib.loads(text)).log
    assert [True, True] == [resolve(log.format).has_duration for log in logs]


def test_the_crontab_line_is_that_of_the_example() -> None:
    (line,) = re.findall(r"(?ms)^```crontab\n(.*?)\n```", section("## Recipes"))
    assert line in (ROOT / "crontab.example").read_text().splitlines()


def test_the_metrics_table_has_every_metric_with_its_type() -> None:
    made = families(FULL, {}, RUN, "batchlog_http", "0.1.0")
    known = {f"{one.name}_total" if one.type == "counter" else one.name: one.type for one in made}
    table = rows(section("## Metrics"))
    assert known == {name: row[1] for row in table for name in code(row[0])}


def test_the_metrics_table_has_the_labels_of_batchlogs_own_metrics() -> None:
    made = families(FULL, {}, RUN, "batchlog_http", "0.1.0")
    known = {
        f"{one.name}_total" if one.type == "counter" else one.name: set(one.samples[0].labels)
        for one in made
        if not one.name.startswith("batchlog_http")
    }
    table = rows(section("## Metrics"))
    written = {name: set(code(row[2])) for row in table for name in code(row[0])}
    assert known == {name: labels for name, labels in written.items() if name in known}


# The documents


def anchor(heading: str) -> str:
    """Return the anchor that a renderer of Markdown gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files_and_headings_that_are_there(name: str) -> None:
    text = (ROOT / name).read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, place = link.partition("#")
        if not path.startswith("https://"):
            assert (ROOT / (path or name)).exists(), link
            headings = re.findall(r"(?m)^#+ (.*)$", (ROOT / (path or name)).read_text())
            assert not place or place in map(anchor, headings), link


def test_the_changelog_has_an_entry_for_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{version}]" in text or f"To be {version}," in section("## [Unreleased]", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_names_a_place_on_our_own_machines(name: str) -> None:
    text = (ROOT / name).read_text()
    places = [f"{ROOT}/", f"{ROOT.parent}/", "/tmp/", "../shared", "/root/"]  # noqa: S108
    assert [] == [place for place in places if place in text]


def test_the_architecture_has_every_package_and_module_in_the_order_of_imports() -> None:
    package = ROOT / "batchlog"
    table = rows(section("## Modules, in import order", (ROOT / "ARCHITECTURE.md").read_text()))
    written = [code(row[0])[0] for row in table]
    found = {path.name.removesuffix(".py") for path in package.glob("[a-z]*.py")}
    found |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert found == set(written)
    modules = {path.stem for path in package.glob("segments/[a-z]*.py")}
    (segments,) = (row[1] for row in table if code(row[0]) == ["segments/"])
    assert modules == set(code(segments))
