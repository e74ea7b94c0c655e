"""docs/cli.md, made from the commands themselves so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Iterable

import click

from allstop.faces.cli.commands import table
from allstop.faces.cli.exit_codes import EXIT_CODES
from allstop.faces.cli.verbs import Verb, VerbGroup, shared_options

INTRODUCTION = """\
# The command line

<!-- Generated: python -m tests.faces.cli.write_reference. A test compares it with the commands. -->

`allstop` without a command says what is going on and what to do next. `allstop COMMAND --help` says
what stands here.

The commands speak to the coordinator of the project folder around the working directory, through a
Unix socket; the kernel tells the coordinator which user is asking. With `--url` (or `ALLSTOP_URL`) and
`ALLSTOP_TOKEN` they speak to a coordinator elsewhere, over HTTPS, or over HTTP on this machine.

Output is for people: tables, in colour on a terminal unless `NO_COLOR` is set. `--json` prints the
API's JSON instead, which is stable. Text that came from elsewhere (titles, notes, evidence) is printed
with its control and bidirectional characters made visible.

Errors go to standard error: one `error:` line for each reason, and a `hint:` with what to do about it.
With `--json` the coordinator's problem (RFC 9457) stands on standard output as well.

Every change is sent with an idempotency key. When the connection breaks, the same request is sent
once more with the same key, by which the coordinator knows the repeat of a command and answers it as
the first time; when that breaks too, the command says that
the outcome is not known.
"""

COMPLETION = """\
## Completion

```sh
eval "$(allstop completion bash)"                                      # in ~/.bashrc
eval "$(allstop completion zsh)"                                       # in ~/.zshrc, after compinit
allstop completion fish > ~/.config/fish/completions/allstop.fish
```

Tab completes commands, options, and names from the running coordinator: of incidents, proposals, plans,
changes, halts, roles, criteria, forms, tasks, crews, obligations, action items, services, agents, people
and teams. When none answers within 0.4 seconds, names are not completed.
"""

INCIDENTS = """\
## Which incident

With one incident open, no command has to be told which: it is the open one, and for what is done after a stand-down
the one that was stood down and is not closed. With several it is named, by `--incident INC-2` wherever that option stands, and
as a word too where the command is only about an incident: `allstop show INC-2`, `allstop ack INC-2`,
`allstop owed INC-2`. What a command tells you to type next then names it as well.
"""

TIMES = """\
## Times

Wherever a command takes a TIME: `2026-12-01T10:00Z` or another zone, such as `+01:00`; `2026-12-01`, which is
the end of that day in UTC; `in 3d`, `2h30m`, `20m ago`, counted from now with `w`, `d`, `h`, `m` and `s`. A time
of day without a zone is refused, because people in an emergency sit in several.
"""

WITHOUT = """\
## Without a coordinator

`init`, `up`, `down`, `doctor`, `audit verify`, `protocol` with all below it but `confirm` and `confirmed`, `log --coordinator`, `completion`
and `version` work while the coordinator is down; `audit verify` then reads the database file itself. All others
end with exit code 5 and say how to start it.
"""


def reference(group: click.Group, settings: Iterable[tuple[str, str, str, str]]) -> str:
    """The whole page. settings: (name, environment variable, default, meaning) of each."""
    parts = [INTRODUCTION, "## Exit codes\n"]
    parts.append(
        _table(("code", "meaning"), ((str(code), text) for code, text in EXIT_CODES.items()))
    )
    parts.append("## Settings\n")
    parts.append(
        "In `allstop.toml`, overruled by the environment. Paths are relative to the project folder.\n"
    )
    rows = (
        (f"`{name}`", f"`{variable}`", default and f"`{default}`", text)
        for name, variable, default, text in settings
    )
    parts.append(_table(("setting", "environment", "default", "meaning"), rows))
    parts.append(
        "`--home DIR` or `ALLSTOP_HOME` names the project folder instead of looking upwards.\n"
    )
    parts += [INCIDENTS, TIMES, WITHOUT, COMPLETION]
    parts.append("## Options of every command\n")
    parts.append(
        _table(("option", "meaning"), ((_option(one), one.help or "") for one in shared_options()))
    )
    parts += _commands(group)
    return "\n".join(parts)


def _commands(group: click.Group) -> list[str]:
    parts = []
    section = ""
    ctx = click.Context(group)
    for name, entry in table({}).items():
        if entry.section != section:
            section = entry.section
            parts.append(f"## {section}\n")
        command = group.get_command(ctx, name)
        assert command is not None
        parts += _command(command, f"allstop {name}")
    return parts


def _command(command: click.Command, path: str) -> list[str]:
    if isinstance(command, click.Group):
        parts = _command(command.bare, path) if isinstance(command, VerbGroup) else []
        for name, each in command.commands.items():
            parts += _command(each, f"{path} {name}")
        return parts
    assert isinstance(command, Verb)
    shared = {option.name for option in shared_options()}
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [
        one for one in command.params if isinstance(one, click.Option) and one.name not in shared
    ]
    usage = " ".join([path, *(one.make_metavar(click.Context(command)) for one in arguments)])
    parts = [f"### `{usage}`\n", f"{_paragraphs(command.help or '')}\n"]
    if options:
        parts.append(
            _table(("option", "meaning"), ((_option(one), _meaning(one)) for one in options))
        )
    parts.append("```sh\n" + "\n".join(command.examples) + "\n```\n")
    return parts


def _option(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('x')))}"
    return f"`{names}{value}`"


def _meaning(option: click.Option) -> str:
    default = f" (default: {option.default})" if option.show_default else ""
    return f"{option.help or ''}{default}{' Required.' if option.required else ''}"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
