"""`allstop preflight`, `allstop diagnose` and what `allstop status` says of readiness: asked, shown, and said in the exit code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.application.shapes import EvidenceLine
from allstop.application.standing_shapes import ReadinessLine
from allstop.application.work_shapes import CheckLine, PreflightLine
from allstop.faces.cli import preflight as page
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded, problem
from tests.faces.cli.recorded import NOW

INC = "/incidents/current"
FOUND = PreflightLine(
    0, NOW - timedelta(minutes=3), "failed",
    (
        CheckLine("adapters", "ssh", True, "installed: stop; could act in 3 of 3 places", "", ("web",), 1500),
        CheckLine("probes", "ledger-up", False, "no route", "start it", ("ledger",), 12),
    ),
)  # fmt: skip
SHA = "ab12" * 16
PIECES = (
    EvidenceLine("payments/health", "collected", "bad: 503", SHA, {"good": "no"}),
    EvidenceLine("payments/recent-errors", "failed", "no such file", "", {}),
    EvidenceLine("search/health", "requested", "", "", {}),
)


def no_incident(rich: Recorded) -> None:
    rich.answer("GET /incidents", (recorded.CLOSED,))


def test_what_has_not_passed_is_shown_with_what_mends_it(allstop: Run, rich: Recorded) -> None:
    """Given no open incident, when somebody checks, then each line says what was found, what took long says so, what
    failed says what to do, and the exit code is 1."""
    no_incident(rich)
    rich.answer("GET /preflight", FOUND)
    ran = allstop("preflight")
    assert ran.code == 1
    assert ran.out == (
        "ok    adapters ssh      installed: stop; could act in 3 of 3 places (1.5s)\n"
        "FAIL  probes ledger-up  no route -> start it\n"
        "1 of 2 checks did not pass.\n"
    )
    only = allstop("preflight", "--failed")
    assert "adapters" not in only.out
    assert "ledger-up" in only.out
    assert allstop("preflight", "-q").out == "1 of 2 checks did not pass.\n"


@pytest.mark.parametrize(("given", "query"), [
    (["--service", "ledger"], "service=ledger"),
    (["--service", "a", "--service", "b", "--check", "probes"], "service=a%2Cb&check=probes"),
    (["--newest"], "newest=true"),
])  # fmt: skip
def test_a_part_of_it_is_asked_for_outside_of_the_incident(
    allstop: Run, rich: Recorded, given: list[str], query: str
) -> None:
    """Given an open incident, when only a part is checked, or what was found last is shown, then nothing goes on the
    incident's record."""
    rich.answer("GET /preflight", FOUND)
    assert allstop("preflight", *given).code == 1
    assert all(one.method == "GET" for one in rich.asked)
    assert any(query in one.path for one in rich.asked)


def test_what_was_found_last_says_when(allstop: Run, rich: Recorded) -> None:
    rich.answer("GET /preflight", replace(FOUND, checks=FOUND.checks[:1], state="passed"))
    ran = allstop("preflight", "--newest")
    assert (ran.code, "All checks passed, looked 3m ago." in ran.out) == (0, True)
    rich.answers["GET /preflight"] = problem(
        404, "not-found", "nobody has looked", "allstop preflight"
    )
    assert allstop("preflight", "--newest").code == 4


class TwoTicks:
    """Stands in for the end of the looking: it comes at the third question."""

    def __init__(self) -> None:
        self.asked = 0

    def wait(self, timeout: float) -> bool:
        del timeout
        self.asked += 1
        return self.asked > 2

    def set(self) -> None:
        self.asked = 3


def test_whoever_watches_a_terminal_sees_how_far_it_is(
    allstop: Run, rich: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a terminal, then a line says how far the looking is, and is taken away again; a file gets none."""
    no_incident(rich)
    rich.answer("GET /preflight", replace(FOUND, done=3, total=12))
    assert "looked at" not in allstop("preflight").err
    monkeypatch.setattr(page, "_somebody_watches", lambda: True)
    monkeypatch.setattr(page, "Event", TwoTicks)
    monkeypatch.setattr(TwoTicks, "set", lambda _: None)
    ran = allstop("preflight")
    assert ran.err.count("3 of 12 looked at") == 2
    assert ran.err.endswith("\r")
    assert "1 of 2 checks did not pass." in ran.out
    rich.answers["GET /preflight"] = problem(404, "not-found", "nobody has looked")
    assert "looking" in allstop("preflight").err
    assert "looked at" not in allstop("preflight", "-q").err


def test_the_whole_answer_is_there_for_programs(allstop: Run, rich: Recorded) -> None:
    no_incident(rich)
    rich.answer("GET /preflight", FOUND)
    ran = allstop("preflight", "--json")
    assert ran.code == 1
    assert '"concerns"' in ran.out
    assert '"took_ms"' in ran.out


def test_diagnose_waits_for_what_it_asked_for_and_shows_each_answer(
    allstop: Run, rich: Recorded, doors: Doors
) -> None:
    """Given two pieces that were asked for, when both are in, then they are shown with the beginning of their
    digest; one that could not be had makes the exit code 1, and others of the incident are not shown."""
    rich.answer(f"POST {INC}/diagnosis", {"looked": ["payments/health", "payments/recent-errors"]})
    rich.answer(f"GET {INC}", replace(recorded.RICH, evidence=PIECES))
    ran = allstop("diagnose", "payments", "--only", "health", "--only", "recent-errors")
    assert ran.code == 1
    assert "ok    payments/health         bad: 503      ab12ab12ab12" in ran.out
    assert "FAIL  payments/recent-errors  no such file" in ran.out
    assert "search/health" not in ran.out
    assert "1 of 2 could not be looked at." in ran.out
    (sent,) = [one for one in rich.asked if one.method == "POST"]
    assert sent.body == {"services": ["payments"], "names": ["health", "recent-errors"]}
    assert not doors.paused


def test_diagnose_gives_up_on_looks_that_do_not_end(
    allstop: Run, rich: Recorded, doors: Doors
) -> None:
    rich.answer(f"POST {INC}/diagnosis", {"looked": ["search/health"]})
    rich.answer(f"GET {INC}", replace(recorded.RICH, evidence=PIECES))
    ran = allstop("diagnose", "search")
    assert ran.code == 5
    assert doors.paused
    rich.asked.clear()
    begun = allstop("diagnose", "search", "--no-wait")
    assert (begun.code, "search/health" in begun.out) == (0, True)
    assert [one.method for one in rich.asked] == ["POST"]


def test_a_red_preflight_is_said_by_status_and_a_green_one_is_not(
    allstop: Run, book: Recorded
) -> None:
    line = ReadinessLine(
        False, NOW - timedelta(hours=2), 5, ("probes a: no route", "backups b: none", "c")
    )
    book.answer("GET /overview", replace(recorded.QUIET_OVERVIEW, readiness=line))
    out = " ".join(allstop("status").out.split())
    assert (
        "preflight is red, it turned 2h ago: probes a: no route; backups b: none and 3 more." in out
    )
    assert "allstop preflight --newest --failed" in out
    book.answer(
        "GET /overview", replace(recorded.QUIET_OVERVIEW, readiness=replace(line, passed=True))
    )
    assert "preflight" not in allstop("status").out
