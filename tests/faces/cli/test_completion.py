"""Tab completes names from the running coordinator, and is silent when it is down."""

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from allstop.faces.cli.entry import command_group
from allstop.faces.cli.session import Session
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded


def complete(doors: Doors, home: Path, *words: str) -> list[str]:
    session = Session(doors.launch(home))
    shell = ShellComplete(command_group({}), {"obj": session}, "allstop", "_ALLSTOP_COMPLETE")
    *before, incomplete = words
    return [item.value for item in shell.get_completions(before, incomplete)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("sta",), ["status", "state", "stand-down"]),
        (("show", "INC"), ["INC-1", "INC-0"]),
        (("ack", "--incident", ""), ["INC-1", "INC-0"]),
        (("rollcall", "H"), ["HALT-1"]),
        (("approve", ""), ["stand-down", "PLAN-1"]),
        (("plan", "show", ""), ["PLAN-1"]),
        (("assign", "s"), ["scribe"]),
        (("override", ""), ["stable", "accounted", "no-damage", "well"]),
        (("declare", "x", "--service", "pay"), ["payments"]),
        (
            ("halt", "x", "--scope", ""),
            ["all", "team:builders", "agent:builder-1", "agent:builder-2"],
        ),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_names(
    book: Recorded, doors: Doors, home: Path, words: tuple[str, ...], found: list[str]
) -> None:
    assert complete(doors, home, *words) == found


POLICY = {
    "policy": {
        "protocol": {
            "severities": [{"name": "SEV1", "title": "Critical"}],
            "activation": {"kinds": [{"name": "outage", "title": "Outage"}]},
            "updates": {"statuses": ["investigating", "fixing"]},
        },
        "roster": {
            "people": [{"id": "ada", "name": "Ada"}],
            "agents": [{"id": "builder-1", "name": "Builder 1"}],
            "teams": [{"name": "builders", "title": "Builders"}],
        },
    }
}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("confirm", ""), ["PROP-1"]),
        (("fill", ""), ["briefing", "post-mortem"]),
        (("task", "done", ""), ["T1", "T2"]),
        (("crew", "accept", ""), ["containment", "communication"]),
        (("crew", "set", "containment", ""), ["ada", "builder-1"]),
        (("change", "made", ""), ["CHG-1"]),
        (("approve", "c"), ["change:CHG-1"]),
        (("met", ""), ["report"]),
        (("action", "done", "--incident", "INC-0", ""), ["ACT-1"]),
        (("severity", ""), ["SEV1"]),
        (("declare", "x", "--kind", ""), ["outage"]),
        (("update", "x", "--status", "f"), ["fixing"]),
        (("points", "give", ""), ["builders"]),
        (("crew", "a"), ["accept"]),
    ],
)
def test_names_of_work(
    rich: Recorded, doors: Doors, home: Path, words: tuple[str, ...], found: list[str]
) -> None:
    rich.answer("GET /policy", POLICY)
    assert complete(doors, home, *words) == found


def test_silent_when_down(
    doors: Doors, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete(doors, home, "show", "") == []
    assert complete(doors, tmp_path / "nowhere", "show", "") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_part(allstop: Run, shell: str) -> None:
    ran = allstop("completion", shell)
    assert ran.code == 0
    assert "_ALLSTOP_COMPLETE" in ran.out
