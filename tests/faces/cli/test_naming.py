"""Names, numbers and incidents on the command line: taken as people write them, refused in a sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from allstop.faces.cli.address import Address
from allstop.faces.cli.client import Client
from allstop.settings import read_settings
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem

LONG = "x" * 50_000


@pytest.mark.parametrize("command", ["show", "timeline", "report", "read-in", "owed", "tasks"])
def test_an_incident_is_named_by_a_word_or_by_the_option(
    allstop: Run, rich: Recorded, command: str
) -> None:
    """Given several incidents, when one is named either way, then the coordinator is asked the same."""
    asked = []
    for words in (["INC-0"], ["--incident", "INC-0"], ["INC-0", "--incident", "INC-0"]):
        rich.asked.clear()
        allstop(command, *words)
        asked.append([one.path for one in rich.asked])
    assert asked[0] == asked[1] == asked[2]
    assert all("INC-0" in path for path in asked[0])


@pytest.mark.parametrize("command", ["ack", "advance", "private", "close", "reopen"])
def test_what_changes_an_incident_takes_it_either_way_too(
    allstop: Run, book: Recorded, command: str
) -> None:
    because = [] if command in {"ack", "advance", "close"} else ["--because", "b"]
    paths = []
    for words in (["INC-2"], ["--incident", "INC-2"]):
        allstop(command, *words, *because)
        paths.append(book.last.path)
    assert paths[0] == paths[1]
    assert "/INC-2/" in paths[0]


def test_two_incidents_at_once_are_refused(allstop: Run, book: Recorded) -> None:
    ran = allstop("show", "INC-1", "--incident", "INC-2")
    assert ran.code == 2
    assert "INC-1 and INC-2 are two incidents; say one" in ran.err
    assert book.asked == []


@pytest.mark.parametrize(
    "words",
    [
        ["show", "{}"], ["timeline", "{}"], ["report", "{}"], ["close", "{}"], ["ack", "--incident", "{}"],
        ["plan", "show", "{}"], ["plan", "retry", "{}", "cut"], ["plan", "abort", "{}", "--because", "b"],
        ["approve", "{}"], ["override", "{}", "--because", "b"], ["rollcall", "{}"], ["release", "{}", "--because", "b"],
        ["task", "done", "{}"], ["change", "made", "{}", "--note", "n"], ["action", "done", "{}"], ["met", "{}", "how"],
        ["fill", "{}"], ["forms", "{}"], ["confirm", "{}"], ["dismiss", "{}", "--because", "b"], ["assign", "{}", "ada"],
        ["handoff", "{}", "--accept"], ["crew", "accept", "{}"], ["link", "{}"], ["severity", "{}", "--because", "b"],
        ["answer", "HALT-1", "--agent", "{}"], ["declare", "x", "--service", "{}"], ["token", "revoke", "{}"],
        ["evidence", "{}"], ["points", "give", "{}", "3", "--because", "b"], ["assign", "scribe", "{}"],
        ["handoff", "scribe", "--to", "{}"],
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("name", ["", "   ", "a/b", "../x", "a\x1b[2Jb", "a\nb", LONG])
def test_what_can_be_no_name_is_never_asked_for(
    allstop: Run, rich: Recorded, words: list[str], name: str
) -> None:
    """An empty name, or one with a slash, would be the path of something else."""
    ran = allstop(*(word.replace("{}", name) for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: Invalid value for ")
    assert "hint:  allstop " in ran.err
    assert len(ran.err) < 2_000
    assert all(letter == "\n" or letter.isprintable() for letter in ran.err)
    assert rich.asked == []


def test_a_name_in_a_path_stays_one_part_of_it(home: Path, book: Recorded) -> None:
    """Should a name with a slash come that far, it is no other path."""
    address = Address(socket=str(read_settings(home, {}).socket))
    client = Client(address, "", lambda: "key", lambda _: None)
    book.answer("POST /incidents/a/roles/..%2Fx", {})
    client.post("incidents", "a", "roles", "../x")
    assert book.last.path == "/incidents/a/roles/..%2Fx"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["declare", "x", "--failing", "150"], "'150' is no whole number from 0 to 100"),
        (["declare", "x", "--failing", "a third"], "'a third' is no whole number from 0 to 100"),
        (["declare", "x", "--users", "many"], "'many' is no whole number from 0 to"),
        (["declare", "x", "--users", "-3"], "'-3' is no whole number from 0 to"),
        (["log", "--last", "1e3"], "'1e3' is no whole number from 0 to 100000"),
        (["up", "--wait", "0"], "'0' is no whole number from 1 to 3600"),
        (["points", "give", "builders", "3.5", "--because", "b"], "'3.5' is no whole number"),
        (["token", "new", "builder-1"], "'builder-1' is not person:NAME, agent:NAME or source:NAME"),
        (["token", "revoke", "agents:x"], "'agents:x' is not person:NAME, agent:NAME or source:NAME"),
        (["evidence", "INC-1"], "'INC-1' is no SHA-256"),
        (["evidence", "3f"], "'3f' is no SHA-256: write the first 4 to 64"),
    ],
)  # fmt: skip
def test_wrong_units_are_refused_in_a_sentence(
    allstop: Run, book: Recorded, words: list[str], said: str
) -> None:
    ran = allstop(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert f"hint:  allstop {words[0]}" in ran.err
    assert book.asked == []


def test_a_share_may_have_its_sign(allstop: Run, book: Recorded) -> None:
    book.answer("POST /incidents", {"incident": "INC-7"})
    assert allstop("declare", "x", "--failing", "30%").code == 0
    assert book.last.body["impact"] == {"failed_share_percent": 30}


def test_every_refusal_says_what_to_do_even_if_the_coordinator_does_not(
    allstop: Run, book: Recorded
) -> None:
    book.answers["POST /incidents/INC-1/links"] = problem(409, "refused", "INC-1 is INC-1")
    ran = allstop("link", "INC-1", "--incident", "INC-1")
    assert ran.err == "error: INC-1 is INC-1\nhint:  allstop link --help\n"
    assert allstop("protocol", "rehearse", "x", "--expect").err.endswith(
        "hint:  allstop protocol rehearse --help\n"
    )


def test_a_field_that_is_wrong_is_named_as_a_field(allstop: Run, book: Recorded) -> None:
    """Given a problem with a pointer into the body, then no pointer is shown to a person."""
    reasons = [{"code": "x", "text": "is too large", "hint": "", "pointer": "/impact/users"}]
    book.answers["POST /incidents"] = problem(422, "invalid-body", "no", "", reasons)
    ran = allstop("declare", "x")
    assert ran.err == "error: impact.users: is too large\nhint:  allstop declare --help\n"


def test_what_was_pasted_by_mistake_does_not_fill_the_screen(allstop: Run, book: Recorded) -> None:
    ran = allstop("show", "--incident", "INC-1", f"--{LONG}")
    assert ran.code == 2
    assert len(ran.err) < 2_000
    assert "characters)" in ran.err


def test_a_halt_is_ordered_even_if_a_script_has_no_incident_for_it(
    allstop: Run, book: Recorded
) -> None:
    """Given a script whose variable is empty, when it stops the agents, then they are stopped."""
    book.answer("POST /halts", {"halt": "HALT-2"})
    assert allstop("halt", "it drops tables", "--incident", "").code == 0
    assert book.last.body["incident"] == ""


def test_the_name_of_nobody_is_not_asked_for_when_nothing_was_named(
    allstop: Run, book: Recorded
) -> None:
    """Options that were left out are no empty names."""
    book.answer("POST /incidents", {"incident": "INC-7"})
    assert allstop("declare", "x").code == 0
    assert allstop("rollcall").code == 0
    closed = replace(recorded.CLOSED, id="INC-3")
    book.answer("GET /incidents", (closed,))
    book.answer("GET /incidents/INC-3", recorded.VIEW)
    assert allstop("show").code == 0
