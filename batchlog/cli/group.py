"""The program `batchlog`: its list of commands, each in a module that is loaded when called."""

from importlib import import_module

import click

from batchlog import __version__

COMMANDS = {
    "push": "One run: read what is new, commit, push.",
    "run": "The same job on a schedule, in the foreground.",
    "backfill": "Old logs once: into totals of their own, or into history.",
    "status": "What the checkpoint holds.",
    "detect": "Which format a file is in, field by field.",
    "check": "Validate configuration, logs, state directory and gateway.",
    "resolve": "Decide on a quarantined segment.",
    "reset": "Start anew: totals at zero, all that is on disk taken as counted.",
    "forget": "Delete this group from the gateway.",
}


class Commands(click.Group):
    """Commands by name; the import of one costs nothing to the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading its module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"batchlog.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without loading any command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: batchlog push --gateway http://push.example.org:9091 "
    "/var/log/nginx/access.log",
)
@click.version_option(__version__, prog_name="batchlog")
def cli() -> None:
    """HTTP access logs on disk into exactly right Prometheus counters.

    Every line from where counting began is counted once, whatever happens in between: rotation,
    compression, a crash, a gateway that is down. Exit status: 0 done, 2 usage, 65 something was
    lost or needs a person, 69 sink unreachable (the next run delivers; a first run has begun
    nothing), 74 checkpoint, 75 another run or interrupted, 76 the gateway refused.
    """
