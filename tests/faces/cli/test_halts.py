"""Halts and hosts on the command line: scope and tools are said, holders are named, a host's token is shown once."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from allstop.adapters.signing import PinnedKeys
from allstop.application.hosts import Enrolled, HostLine, RefusalLine
from allstop.application.shapes import AgentLine
from allstop.domain.halt.order_text import read_release
from allstop.domain.halt.scope import CLASSES
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded
from tests.faces.cli.recorded import HALT, NOW, QUIET_OVERVIEW
from tests.faces.cli.test_completion import complete

BASE = {"scope": "all", "reason": "r", "incident": "", "exempt": []}


@pytest.mark.parametrize(
    ("words", "classes"),
    [
        ((), None),
        (("--hard",), ["hard"]),
        (("--tools", "write,exec"), ["write", "exec"]),
        (("--tools", " write , exec,"), ["write", "exec"]),
    ],
)
def test_what_a_halt_blocks_is_said_as_it_is_typed(
    allstop: Run, book: Recorded, words: tuple[str, ...], classes: list[str] | None
) -> None:
    book.answer("POST /halts", {"halt": "HALT-2"}, 201)
    ran = allstop("halt", "r", *words)
    assert ran.code == 0, ran.err
    assert book.last.body == (BASE if classes is None else {**BASE, "classes": classes})


def test_every_tool_and_some_tools_is_a_question_back(allstop: Run, book: Recorded) -> None:
    ran = allstop("halt", "r", "--hard", "--tools", "write")
    assert ran.code == 2
    assert "leave --tools out" in ran.err
    assert not [one for one in book.asked if one.method == "POST"]


def test_a_scope_nobody_is_in_yet_is_said(allstop: Run, book: Recorded) -> None:
    warning = "no agent is known to be in host:web-9; whoever comes into it starts halted"
    book.answer("POST /halts", {"halt": "HALT-2", "warning": warning}, 201)
    ran = allstop("halt", "r", "--scope", "host:web-9", "--tools", "net")
    assert ran.out.startswith(f"HALT-2 is ordered: host:web-9, net; {warning}\n")
    assert allstop("halt", "r", "-q").out == "HALT-2\n"


@pytest.mark.parametrize(
    ("classes", "told"),
    [(("default",), "HALT-1 (all): "), (("hard",), "HALT-1 (all, every tool): "),
     (("write", "exec"), "HALT-1 (all, tools write, exec): ")],
)  # fmt: skip
def test_the_roll_call_says_what_is_blocked(
    allstop: Run, book: Recorded, classes: tuple[str, ...], told: str
) -> None:
    conflict = "HALT-2 lets builder-2 act, HALT-1 stops it"
    book.answer("GET /halts/HALT-1", replace(HALT, classes=classes, conflicts=(conflict,)))
    ran = allstop("rollcall", "HALT-1")
    assert told in ran.out
    assert conflict in ran.out


def test_a_release_names_who_holds_the_rest(allstop: Run, book: Recorded) -> None:
    held = {"halt": "HALT-1", "still_held": ["a", "b"], "held_by": {"a": ["HALT-2", "HALT-3"]}}
    book.answer("POST /halts/HALT-1/release", held)
    ran = allstop("release", "HALT-1", "--because", "b")
    assert "still held by another halt: a (HALT-2, HALT-3), b" in ran.out


def test_scopes_are_completed_from_where_agents_work(
    allstop: Run, book: Recorded, doors: Doors, home: Path
) -> None:
    agent = AgentLine("a", "A", "t", "running", (), "web-1", "s-1", "/srv/shop")
    overview = replace(QUIET_OVERVIEW, agents=(agent,))
    book.answer("GET /overview", overview)
    found = complete(doors, home, "halt", "r", "--scope", "")
    assert found == [
        "all",
        "team:t",
        "agent:a",
        "host:web-1",
        "session:s-1",
        "repository:/srv/shop",
    ]
    book.answer("POST /halts", {"halt": "HALT-2"}, 201)
    ran = allstop("halt", "r", "--scope", "repository:/srv/shop")
    assert ran.code == 0
    assert book.last.body["scope"] == "repository:/srv/shop"


@pytest.mark.parametrize("scope", ["planet", "host:a b", "repository:/a/../b", "team:", ""])
def test_what_can_be_no_scope_is_not_sent(allstop: Run, book: Recorded, scope: str) -> None:
    assert allstop("halt", "r", "--scope", scope).code == 2
    assert not [one for one in book.asked if one.method == "POST"]


def test_a_release_goes_by_stages_and_is_put_back(allstop: Run, book: Recorded) -> None:
    staged = {"halt": "HALT-1", "stage": "canary", "allowed": ["builder-1", "writer-1"]}
    book.answer("POST /halts/HALT-1/release", staged)
    ran = allstop("release", "HALT-1", "--because", "b")
    assert "HALT-1 stands; canary: builder-1, writer-1 may go on" in ran.out
    book.answer("POST /halts/HALT-1/release/abort", {"halt": "HALT-1"})
    ran = allstop("release", "HALT-1", "--because", "it did it again", "--abort")
    assert "HALT-1 is put back for everybody" in ran.out
    assert book.last.body == {"because": "it did it again"}
    assert allstop("release", "HALT-1", "--because", "b", "--abort", "--sign", "x").code == 2


def test_the_roll_call_says_how_far_a_release_is(allstop: Run, book: Recorded) -> None:
    roll = tuple(
        replace(line, allowed=allowed)
        for line, allowed in zip(HALT.roll, (CLASSES, ("read",)), strict=True)
    )
    staged = replace(
        HALT, stage="canary", stage_until=NOW + timedelta(minutes=4), roll=roll,
        alarms=("INC-2 was declared since",),
    )  # fmt: skip
    book.answer("GET /halts/HALT-1", staged)
    ran = allstop("rollcall", "HALT-1")
    assert "release, stage canary, watched until 03:08:10 UTC" in ran.out
    assert "builder-1, builder-2 (read)" in ran.out
    assert "ALARM: INC-2 was declared since" in ran.out
    book.answer("GET /halts/HALT-1", replace(HALT, waits_for="one more person"))
    assert "asked for and waits for one more person" in allstop("rollcall", "HALT-1").out


# --- hosts ---------------------------------------------------------------------------------------

LINE = HostLine(
    "web-1", "current", 42, 42, NOW - timedelta(seconds=5), 1, ("coder-1",), (), NOW, "person:eve"
)
REFUSED = RefusalLine(41, "forged", "its signature is not of its text", NOW)


def test_hosts_at_a_glance(allstop: Run, book: Recorded) -> None:
    lost = replace(
        LINE, host="web-2", state="lost", seq=40, heard_at=None, agents=tuple("abcdef"),
        refused=(REFUSED,),
    )  # fmt: skip
    book.answer("GET /hosts", (LINE, lost))
    head, one, other = allstop("hosts").out.splitlines()
    assert head.split() == ["host", "state", "order", "heard", "agents", "refused", "last"]
    assert "42 of 42" in one
    assert "5s ago" in one
    assert "a, b, c, d and 2 more" in other
    assert "forged: its signature is not of its text" in other
    assert allstop("hosts", "-q").out.split() == ["web-1", "web-2"]
    book.answer("GET /hosts", ())
    assert "No host is enrolled: allstop hosts enrol NAME" in allstop("hosts").out


def test_a_host_is_enrolled_and_only_its_token_is_on_standard_output(
    allstop: Run, book: Recorded
) -> None:
    book.answer("POST /hosts", Enrolled("web-1", "allstop_secret", "0123456789abcdef"), 201)
    ran = allstop("hosts", "enrol", "web-1")
    assert book.last.body == {"host": "web-1"}
    assert ran.out == "allstop_secret\n"
    assert "0123456789abcdef" in ran.err
    quiet = allstop("hosts", "enrol", "web-1", "-q")
    assert (quiet.out, quiet.err) == ("allstop_secret\n", "")


# --- release keys --------------------------------------------------------------------------------


def test_a_release_is_signed_where_the_key_is_kept(
    allstop: Run, book: Recorded, home: Path
) -> None:
    """Given a key on this machine, when a release is signed, then only the statement leaves it."""
    made = allstop("key", "new", "ada", "--folder", str(home), "-q")
    assert made.code == 0, made.err
    name, file = made.out.strip(), home / "ada.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    book.answer("POST /halts/HALT-1/release", {"halt": "HALT-1", "waits_for": "one more person"})
    ran = allstop("release", "HALT-1", "--because", "b", "--sign", str(file))
    assert "HALT-1 stands and waits for one more person" in ran.out
    (statement,) = book.last.body["statements"]
    assert statement["key"] == name
    said = read_release(statement["text"])
    assert (said.halt, said.audience, said.at) == ("HALT-1", "fleet", NOW)
    check = PinnedKeys(home / "ada.key.pub").check
    assert check(name, statement["text"].encode(), statement["signature"])
    assert file.read_text("ascii").splitlines()[1] not in json.dumps(book.last.body)


def test_a_key_is_made_once_and_pinned_by_its_public_half(allstop: Run, home: Path) -> None:
    name = allstop("key", "new", "ada", "--folder", str(home), "-q").out.strip()
    assert "already" in allstop("key", "new", "ada", "--folder", str(home)).err
    assert "No release key is pinned" in allstop("key", "list").out
    public = str(home / "ada.key.pub")
    assert f"{name} of ada is pinned" in allstop("key", "pin", public).out
    assert "was pinned already" in allstop("key", "pin", public).out
    assert allstop("key", "list", "-q").out.split() == [name]
    assert allstop("key", "pin", str(home / "ada.key")).code != 0


@pytest.mark.parametrize("name", ["../ada", "a b", "", "a/b"])
def test_a_key_has_a_plain_name(allstop: Run, home: Path, name: str) -> None:
    assert allstop("key", "new", name, "--folder", str(home)).code == 2
    assert not list(home.rglob("*.key"))


def test_no_key_no_signature_and_nothing_is_sent(allstop: Run, book: Recorded, home: Path) -> None:
    ran = allstop("release", "HALT-1", "--because", "b", "--sign", str(home / "none.key"))
    assert "there is no key at" in ran.err
    loose = home / "loose.key"
    allstop("key", "new", "loose", "--folder", str(home))
    loose.chmod(0o644)
    ran = allstop("release", "HALT-1", "--because", "b", "--sign", str(loose))
    assert "others may read" in ran.err
    assert not [one for one in book.asked if one.method == "POST"]
