"""`allstop protocol confirm` and `confirmed`: what is sent, and what people read."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.application.standing_shapes import ConfirmationLine, ConfirmationsView
from allstop.faces.http.shapes import Confirmed
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem
from tests.faces.cli.test_pages import HOSTILE

PLACE = "/protocol/confirmation"
UNTIL = recorded.NOW + timedelta(days=78)
LONG_AGO = recorded.NOW - timedelta(days=120)
ADA = ConfirmationLine(
    "ada", "Ada", "confirmed", "ours", recorded.NOW - timedelta(days=12), UNTIL, "confirmed 12 days ago"
)  # fmt: skip
BEN = ConfirmationLine("ben", "Ben", "missing", "", None, None, "has not confirmed it")
CHO = ConfirmationLine(
    "cho", "Cho", "expired", "ours", LONG_AGO, recorded.NOW - timedelta(days=30),
    "confirmed 120 days ago, every 90 days is asked for",
)  # fmt: skip
DAN = ConfirmationLine(
    "dan", "Dan", "other", "patronus", LONG_AGO, None, "confirmed another protocol, patronus"
)
VIEW = ConfirmationsView("ours", "Our protocol", 90, (ADA, BEN, CHO, DAN))

LISTED = """\
Our protocol  (ours), to be confirmed every 90 days
  ada  yes      confirmed 12 days ago, holds until 2027-02-07 03:04:10 UTC
  ben  no       has not confirmed it
  cho  run out  confirmed 120 days ago, every 90 days is asked for
  dan  no       confirmed another protocol, patronus
next: allstop protocol confirm
"""


@pytest.fixture
def asked(book: Recorded) -> Recorded:
    book.answer(f"GET {PLACE}", VIEW)
    book.answer(f"POST {PLACE}", Confirmed("ada", "ours", UNTIL))
    return book


def test_confirming_names_the_protocol_that_was_asked_for(allstop: Run, asked: Recorded) -> None:
    """Given a protocol in force, when a person confirms, then that one is named in what is sent, and it says
    which it was and until when it holds."""
    ran = allstop("protocol", "confirm")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "ada knows Our protocol (ours). It holds until 2027-02-07 03:04:10 UTC.\n"
        "next: allstop protocol confirmed\n"
    )
    assert (asked.last.method, asked.last.path, asked.last.body) == (
        "POST", PLACE, {"protocol": "ours"},
    )  # fmt: skip
    assert asked.last.headers["Idempotency-Key"]
    assert allstop("protocol", "confirm", "-q").out == "ours\n"
    assert json.loads(allstop("protocol", "confirm", "--json").out) == {
        "person": "ada", "protocol": "ours", "until": "2027-02-07T03:04:10Z",
    }  # fmt: skip


def test_where_nobody_asks_for_it_no_end_is_claimed(allstop: Run, asked: Recorded) -> None:
    asked.answer(f"POST {PLACE}", Confirmed("ada", "ours", None))
    out = allstop("protocol", "confirm").out
    assert "The protocol asks nobody for it; it is on the record." in out
    assert "until" not in out


def test_who_may_not_is_told_so(allstop: Run, asked: Recorded) -> None:
    reasons = ({"code": "human-only", "text": "agent:a is none", "hint": "each for themselves"},)
    asked.answers[f"POST {PLACE}"] = problem(403, "refused", "no", "", reasons)
    ran = allstop("protocol", "confirm")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "error: agent:a is none\nhint:  each for themselves\n"


def test_who_has_and_who_has_not(allstop: Run, asked: Recorded) -> None:
    ran = allstop("protocol", "confirmed")
    assert (ran.code, ran.out, ran.err) == (0, LISTED, "")
    assert allstop("protocol", "confirmed", "-q").out == "ben\ncho\ndan\n"
    found = json.loads(allstop("protocol", "confirmed", "--json").out)
    assert [one["state"] for one in found["people"]] == ["confirmed", "missing", "expired", "other"]


def test_once_everybody_has_nothing_is_left_to_do(allstop: Run, asked: Recorded) -> None:
    asked.answer(f"GET {PLACE}", replace(VIEW, people=(ADA,)))
    out = allstop("protocol", "confirmed").out
    assert "next:" not in out
    assert allstop("protocol", "confirmed", "-q").out == ""


def test_a_protocol_that_asks_nobody(allstop: Run, asked: Recorded) -> None:
    asked.answer(
        f"GET {PLACE}", replace(VIEW, every_days=0, people=(replace(ADA, until=None), BEN))
    )
    assert allstop("protocol", "confirmed").out == (
        "Our protocol  (ours), which asks nobody to confirm it\n"
        "  ada  yes  confirmed 12 days ago\n"
        "  ben  no   has not confirmed it\n"
    )
    assert allstop("protocol", "confirmed", "-q").out == ""


def test_a_roster_with_nobody_to_ask(allstop: Run, asked: Recorded) -> None:
    asked.answer(f"GET {PLACE}", replace(VIEW, people=()))
    assert allstop("protocol", "confirmed").out == (
        "Our protocol  (ours), to be confirmed every 90 days\n"
        "Nobody who is there can hold a role or is an owner, so there is nobody to ask.\n"
    )


def test_without_a_coordinator_it_says_what_to_do(allstop: Run) -> None:
    for word in ("confirm", "confirmed"):
        ran = allstop("protocol", word)
        assert ran.code == 5
        assert "hint:  allstop up --detach" in ran.err


def test_hostile_names_reach_no_terminal(allstop: Run, asked: Recorded) -> None:
    hostile = replace(VIEW, title=HOSTILE, people=(replace(BEN, text=HOSTILE),))
    asked.answer(f"GET {PLACE}", hostile)
    for word in ("confirm", "confirmed"):
        out = allstop("protocol", word).out
        assert out
        assert all(letter == "\n" or letter.isprintable() for letter in out)
