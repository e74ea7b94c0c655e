"""Help is quick, mistakes are explained, and every ending has its exit code."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from allstop.errors import Invalid, Missing, Refused, Unauthenticated, Unavailable
from allstop.faces.cli.commands import COMMANDS, table
from allstop.faces.cli.entry import command_group
from allstop.faces.cli.exit_codes import EXIT_CODES, ProblemAnswer, exit_code
from allstop.faces.cli.verbs import Verb
from tests.faces.cli.conftest import Run

HEAVY = (
    "asyncio", "cryptography", "email", "http", "httpx", "jinja2", "msgspec", "psutil", "pydantic", "rich",
    "sqlite3", "starlette", "structlog", "tomllib", "uvicorn", "yaml", "allstop.settings", "allstop.faces.http",
)  # fmt: skip
HELP = f"""
import sys
from allstop.faces.cli.entry import run
code = run(None, {{"demo": "nowhere:at_all"}}, ["--help"])
print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)))
sys.exit(code)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    found = python("-c", HELP)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1] == "loaded:"
    for name in [*COMMANDS, "demo"]:
        assert re.search(rf"^  {name} ", found.stdout, re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    entry = table({})[name]
    module, _, attribute = entry.target.partition(":")
    command = getattr(import_module(module), attribute)
    assert command.name == name
    first = (command.help or "").split("\n\n")[0]
    assert first.rstrip(".").split(":")[0] == entry.help.rstrip(".").split(":")[0]


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Verb]]:
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        found = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        return [one for name, each in found if each for one in verbs(each, (*path, name))]
    assert isinstance(command, Verb)
    return [(path, command)]


ALL = verbs(command_group({}))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_help_examples_and_json(path: tuple[str, ...], command: Verb) -> None:
    assert command.help
    assert command.examples
    assert all(" ".join(path) in example for example in command.examples[:1])
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "-q", "--home", "--url"} <= names


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["statsu"], "there is no command statsu", "did you mean status?"),
        (["show", "--hom"], "No such option '--hom'", "allstop show --help"),
        (["severity", "SEV1"], "Missing option '--because'", "allstop severity --help"),
        (["handoff", "scribe"], "say either --to NAME or --accept", "allstop handoff --help"),
        (["plan", "shwo"], "No such command 'shwo'", "allstop plan --help"),
        (["plan", "settle", "PLAN-1", "cut", "--evidence", "x"], "say --happened or --not-happened", "allstop plan settle"),
    ],
)  # fmt: skip
def test_wrong_usage_says_what_to_do(allstop: Run, words: list[str], error: str, hint: str) -> None:
    ran = allstop(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith(f"error: {error}")
    assert f"hint:  {hint}" in ran.err


def answered(status: int) -> ProblemAnswer:
    return ProblemAnswer(status, "", "", "", (), "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid(""), 2), (Refused((("a", "b", ""),)), 3), (Unauthenticated(""), 3), (Missing(""), 4),
        (Unavailable(""), 5), (answered(400), 2), (answered(422), 2), (answered(401), 3), (answered(403), 3),
        (answered(409), 3), (answered(404), 4), (answered(503), 5), (answered(500), 1), (answered(418), 1),
    ],
)  # fmt: skip
def test_every_kind_of_failure_has_its_exit_code(error: ProblemAnswer, code: int) -> None:
    assert exit_code(error) == code
    assert code in EXIT_CODES


def test_a_mistake_of_ours_is_not_a_traceback(allstop: Run, doors: object, home: Path) -> None:
    doors.starts = None  # type: ignore[attr-defined]
    doors.problems = None  # type: ignore[attr-defined]
    ran = allstop("protocol", "check")
    assert ran.code == 1
    assert ran.err.startswith("error: TypeError")
    assert "report it" in ran.err
    assert "Traceback" not in ran.err


def test_a_reader_that_has_enough_is_no_error(home: Path) -> None:
    """As in `allstop version | true`."""
    script = (
        "import sys; from allstop.faces.cli.entry import run;"
        "sys.exit(run(None, {}, ['version']))"
    )  # fmt: skip
    found = subprocess.run(
        f'{sys.executable} -c "{script}" | true', shell=True, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("word", ["plan", "fleet", "playbook", "protocol", "token"])
def test_a_word_that_does_nothing_by_itself_shows_what_stands_below_it(
    allstop: Run, word: str
) -> None:
    """Given a group alone, then its help comes as it is written, and nothing is done."""
    ran = allstop(word)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err == allstop(word, "--help").out
    assert len(ran.err.splitlines()) > 5
