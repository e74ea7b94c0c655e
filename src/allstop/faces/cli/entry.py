"""Where the command line begins: the lazy list of commands, and how every failure ends.

Asking for help loads none of the commands: names and sentences come from a table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from allstop.domain.verdict import nearest
from allstop.errors import AllstopError
from allstop.faces.cli.commands import Entry, table
from allstop.faces.cli.exit_codes import Ended, ProblemAnswer, complain, exit_code, short
from allstop.faces.cli.hints import addressed, help_of
from allstop.faces.cli.launch import Launch
from allstop.faces.cli.safe_text import safe, safe_json
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import HELP, shared_options, take_shared

INTERRUPTED = 130
# Exit codes of failures that no other words on the command line would have kept away.
OUR_SIDE = frozenset({1, 5})


class LazyGroup(click.Group):
    """Commands are imported when they are used, not when they are listed."""

    def __init__(self, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._entries)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (
            args
            and args[0] not in self._entries
            and not args[0].startswith("-")
            and not ctx.resilient_parsing
        ):
            raise _Unknown(f"there is no command {args[0]}", nearest(args[0], self._entries))
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self._entries.items():
            sections.setdefault(entry.section, []).append((name, entry.help))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=entry.help)
            for name, entry in self._entries.items()
            if name.startswith(incomplete)
        ]


class _Unknown(click.UsageError):
    """A word that is no command. hint: the nearest one."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(text)
        self.hint = hint


def command_group(extra: Mapping[str, str]) -> click.Group:
    """All commands, to be run with a Session as click's `obj`.

    extra: `module:attribute` of further click commands, by name.
    """

    def bare(as_json: bool, quiet: bool, home: str, url: str, **_: Any) -> None:
        ctx = click.get_current_context()
        session: Session = ctx.obj
        take_shared(session, as_json=as_json, quiet=quiet, home=home, url=url)
        if ctx.invoked_subcommand is None:
            from allstop.faces.cli.overview import glance  # noqa: PLC0415 - help must not load it

            glance(session)

    hidden = click.Option(["--traceback"], is_flag=True, hidden=True)
    return LazyGroup(
        table(dict(extra)),
        name="allstop",
        invoke_without_command=True,
        callback=bare,
        params=[*shared_options(), hidden],
        context_settings=HELP,
        help="Incident command for services and AI agents.\n\n"
        "Without a command: what is going on, and the next sensible step.",
    )


def run(launch: Launch, extra: Mapping[str, str], arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; prints errors, never raises."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter shows its number instead of a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    group = command_group(extra)
    session = Session(launch)
    try:
        ended = group.main(given, prog_name="allstop", standalone_mode=False, obj=session)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:  # noqa: BLE001 - the edge: nobody above could explain it
        return _failed(error, session, group, given)
    return ended if isinstance(ended, int) else 0


def _failed(error: Exception, session: Session, group: click.Group, given: Sequence[str]) -> int:
    if "--traceback" in given and not isinstance(error, Ended):
        sys.excepthook(type(error), error, error.__traceback__)
    if isinstance(error, Ended):
        return error.code
    if isinstance(error, AllstopError):
        if session.as_json and isinstance(error, ProblemAnswer) and error.body:
            click.echo(safe_json(error.body))
        code = exit_code(error)
        # What is not in the words of the caller is somewhere else.
        otherwise = "allstop doctor" if code in OUR_SIDE else help_of(given, group)
        complain(error, lambda hint: addressed(hint, session.incident, group), otherwise)
        return code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()  # the help of a word that does nothing by itself
        return error.exit_code
    if isinstance(error, click.ClickException):
        _complain_usage(error, help_of(given, group))
        return error.exit_code
    click.echo(f"error: {safe(f'{type(error).__name__}: {error}')}", err=True)
    click.echo(
        "hint:  this is a mistake in Allstop, please report it; `allstop --traceback ...` shows where",
        err=True,
    )
    return 1


def _complain_usage(error: click.ClickException, otherwise: str) -> None:
    click.echo(f"error: {short(error.format_message())}", err=True)
    ctx = getattr(error, "ctx", None)
    named = f"{ctx.command_path} --help" if ctx is not None else otherwise
    click.echo(f"hint:  {safe(getattr(error, 'hint', '') or named)}", err=True)


def _closed_pipe() -> int:
    """Whoever read our output has enough (`| head`); the interpreter must not write to it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
