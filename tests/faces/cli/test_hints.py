"""Every command that a hint names exists, with the words and the options the hint gives it."""

import re
from pathlib import Path

import click

from allstop.faces.cli.entry import command_group

COMMAND = re.compile(r"(?<![\w./-])allstop ([a-z][a-z-]+(?: (?:(?!allstop )[^`;])*)?)")
SOURCES = Path(__file__).resolve().parents[3] / "src" / "allstop"


def hints() -> list[tuple[str, str]]:
    """(place, words after `allstop`) of everything in the sources that reads like a command."""
    found = []
    for layer in ("domain", "application", "adapters", "protocol", "faces/cli", "faces/http"):
        for file in sorted((SOURCES / layer).rglob("*.py")):
            for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
                if not line.startswith(("import ", "from ")):
                    place = f"{file.relative_to(SOURCES)}:{number}"
                    found += [(place, words) for words in COMMAND.findall(line)]
    return found


def known(words: str) -> str:
    """What is wrong with a command as a hint writes it, or nothing."""
    ctx = click.Context(command_group({}))
    first, *rest = re.split(r"[\s\"'),]+", words.strip())
    group = ctx.command
    assert isinstance(group, click.Group)
    command = group.get_command(ctx, first)
    if command is None:
        return f"there is no command {first}"
    if isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z-]+", rest[0]):
        inner = command.get_command(ctx, rest[0])
        if inner is None:
            return "" if command.invoke_without_command else f"{first} has no {rest[0]}"
        command = inner
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    options |= {"--help"}
    given = [word for word in rest if re.fullmatch(r"--[a-z-]+", word)]
    return ", ".join(f"{first} has no {word}" for word in given if word not in options)


def test_hints_name_commands_that_exist() -> None:
    found = hints()
    assert len(found) > 100
    wrong = [f"{place}: allstop {words}: {why}" for place, words in found if (why := known(words))]
    assert [one for one in wrong if "demo" not in one] == []
