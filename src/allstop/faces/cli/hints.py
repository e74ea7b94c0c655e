"""Commands that a hint names, with the incident that was named: where several are open, a hint without it
would be refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

# The parameter of an incident that is named by a word, where it may be, beside the option.
WORD = "incident_word"
_COMMAND = re.compile(r"\ballstop ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_NAMED = re.compile(r"--incident\b|\bINC-\d")
_QUOTED = re.compile(r'"[^"]*"')
# What stands in a sentence and in no command.
_SENTENCE = re.compile(r"[,;`()]|[.:](?: |$)| sets another")
# A plan knows its incident.
_OF_A_PLAN = re.compile(r" (?:plan:)?PLAN-")


def addressed(hint: str, incident: str, commands: click.Command) -> str:
    """The hint, each command in it made one about `incident`, where it can be. commands: of `allstop`.

    A hint that names an incident already stays as it is.
    """
    if not incident or _NAMED.search(hint):
        return hint
    for found in reversed(list(_COMMAND.finditer(hint))):
        command, end = _meant(found, commands)
        if command is None:
            continue
        rest = hint[end:]
        names = {one.name for one in command.params}
        if WORD in names:
            hint = f"{hint[:end]} {incident}{rest}"
        elif "incident" in names and not (found[1] == "approve" and _OF_A_PLAN.match(rest)):
            whole = found.start() == 0 and not _SENTENCE.search(_QUOTED.sub("", rest))
            named = f" --incident {incident}"
            hint = f"{hint}{named}" if whole else f"{hint[:end]}{named}{rest}"
    return hint


def _meant(
    found: re.Match[str], commands: click.Command
) -> tuple[click.Command | None, int]:  # fmt: skip
    """The command that a hint names, and where its name ends."""
    first = _below(commands, found[1])
    inner = _below(first, found[2] or "")
    return (inner, found.end(2)) if inner is not None else (first, found.end(1))


def _below(command: click.Command | None, word: str) -> click.Command | None:
    if not isinstance(command, click.Group):
        return None
    try:
        return command.get_command(click.Context(command), word)
    except (ImportError, AttributeError):
        return None  # a command that cannot be loaded has an error of its own, and this is no place for it


def help_of(words: Sequence[str], commands: click.Command) -> str:
    """`allstop task add --help` for what was typed, as far as it is a command."""
    path, at = ["allstop"], commands
    for word in words:
        inner = _below(at, word)
        if inner is not None:
            path.append(word)
            at = inner
    return " ".join((*path, "--help"))
