"""What people read, letter by letter."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from allstop.faces.cli.colour import show
from allstop.faces.cli.layout import plain
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.safe_text import safe, safe_block, safe_json
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded

COMPACT = """\
INC-1  SEV1 (Critical)  checkout fails  open for 4m 10s
  impact     buying down; 80% of requests failing
  suspected  payments, checkout
  commander  Ada Lovelace (ada)
  handoff    Scribe is offered to grace, not accepted yet
  phase      Contain, waits for:
             - All agents accounted for: 1 of 2 stopped
             - No new damage: nobody has stated it
  all-stop   HALT-1: 1 of 2 agents stopped; not yet: builder-2 (unaccounted)
  plan       PLAN-1 (contain): proposed, 1 of 3 steps done, waits for approval by commander
  remedy     ROLLBACK, because released 9 minutes before it began
  missed     somebody has it
  update     due in 2m 5s (03:06:15 UTC)
"""

GLANCE = f"""{COMPACT}
INC-0  SEV1 (Critical)  slow search  stood down after 40m

services  1 of 2 up; payments down
agents    0 of 2 free to work, 2 held
next: allstop approve PLAN-1    (INC-1: the plan waits for the approval of the commander)
"""

PLAN = """\
PLAN-1 (contain): Isolate payments
  INC-1, proposed, waits for approval by commander
  hash ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12
     step    state    after   what
  1  freeze  done     -       freeze the queue; queue is empty
  2  cut     waiting  freeze  cut payments off
  3  watch   waiting  cut     payments stay cut; 0 of 3 good samples
"""

ROLL_CALL = """\
HALT-1 (all): SEV1 declared, ordered 4m 10s ago by person:ada
  NOT ALL STOPPED: 1 of 2 stopped; roll call OVERDUE by 10s (03:04:00 UTC)
  agent      team      state        was working on  saved as      evidence
  builder-2  builders  unaccounted  -               -             -
  builder-1  builders  confirmed    search page     3f0a9c1d3f0a  no process
"""

EVERYTHING = f"""{COMPACT}
{PLAN}
{ROLL_CALL}
Phases
  Contain (current)
    [ ]  accounted  All agents accounted for  1 of 2 stopped
    [!]  no-damage  No new damage             overridden
  Fix (ahead)
    [ ]  well  Probes good  2 bad
  Stand-down
    [ ]  stable  Stable for 15m  0s of 15m

Roles
  Incident commander  Ada Lovelace
  Scribe              nobody, offered to grace

Evidence
  payments.log      collected  3f0a9c1d3f0a  12 errors in the last minute
  payments.deploys  failed     -             git is not there

Deadlines
  somebody has it  MISSED (03:00:00 UTC)
  first update     due in 2m (03:06:10 UTC)

Times
  time to      measured  target  met
  acknowledge  41s       5m      yes

Stated
  root-cause  release 41 halved the pool

Owed
  in 1d  report  commander  Write the report

Declared
  2026-11-21 03:00:00 UTC by person:ada (manual)
  a core function is down
  protocol Standard, policy c0ffeec0ffee
next: allstop approve PLAN-1
"""

TIMELINE = """\
2026-11-21 UTC
03:00:00  ada             INC-1 declared (manual): checkout fails
03:04:10  coordinator     builder-1 CONFIRMED: no process
"""

SERVICES = """\
service   state  category         needs     known good    probes
payments  down   revenue          accounts  9f9f9f9f9f9f  payments-health down (HTTP 500)
accounts  up     customer-facing  -         -             no probes
"""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), GLANCE),
        (("show",), f"{COMPACT}next: allstop approve PLAN-1\n"),
        (("show", "INC-1", "--all"), EVERYTHING),
        (("plan", "show", "PLAN-1"), f"{PLAN}next: allstop approve PLAN-1\n"),
        (("rollcall",), ROLL_CALL),
        (("timeline",), TIMELINE),
        (("services",), SERVICES),
        (("agents", "-q"), "builder-1\nbuilder-2\n"),
    ],
)
def test_human_output(allstop: Run, book: Recorded, words: tuple[str, ...], text: str) -> None:
    ran = allstop(*words)
    assert ran.out == text
    assert (ran.code, ran.err) == (0, "")


def test_all_is_well(allstop: Run, book: Recorded) -> None:
    book.answer("GET /overview", recorded.QUIET_OVERVIEW)
    assert allstop().out == (
        "No incident is open.\n\n"
        "services  1 of 2 up; payments down\n"
        "agents    2 of 2 free to work, 0 held\n"
        'next: allstop declare "what fails" --service NAME    (nothing is wrong that Allstop knows of)\n'
    )


def test_what_is_late_or_missing_stands_out(allstop: Run, book: Recorded) -> None:
    line = replace(recorded.LINE, commander="", update_due_at=recorded.BEGAN)
    roles = (replace(recorded.VIEW.roles[0], person="", name=""),)
    book.answer(
        "GET /incidents/current", replace(recorded.VIEW, line=line, roles=roles, acknowledged_by="")
    )
    out = allstop("show").out
    assert "  commander  NOBODY\n" in out
    assert "  update     OVERDUE by 4m 10s (03:00:00 UTC)\n" in out
    assert out.endswith("next: allstop ack INC-1\n")


def test_stopped_is_said_only_when_the_coordinator_says_it(allstop: Run, book: Recorded) -> None:
    halt = replace(recorded.HALT, settled=2, roll=recorded.HALT.roll[:1])
    book.answer("GET /halts/HALT-1", halt)
    assert "NOT ALL STOPPED: 2 of 2" in allstop("rollcall", "HALT-1").out
    book.answer("GET /halts/HALT-1", replace(halt, stopped=True))
    assert "all stopped: 2 of 2 stopped" in allstop("rollcall", "HALT-1").out


@pytest.mark.parametrize(
    "words",
    [
        ("show",),
        ("status",),
        ("rollcall",),
        ("services",),
        ("timeline",),
        ("plan", "show", "PLAN-1"),
    ],
)
def test_json_is_the_answer_of_the_api(
    allstop: Run, book: Recorded, words: tuple[str, ...]
) -> None:
    ran = allstop(*words, "--json")
    route = book.last.path
    import msgspec  # noqa: PLC0415 - to compare with what the server sent

    assert json.loads(ran.out) == json.loads(msgspec.json.encode(book.answers[f"GET {route}"][1]))


HOSTILE = "ok\x1b]0;owned\x07\x1b[2J\u202egnp.exe\r\nerror: fake\x9b31m\u2066\U000e0041"


def test_hostile_text_reaches_no_terminal(allstop: Run, book: Recorded) -> None:
    book.answer(
        "GET /incidents/current", replace(recorded.VIEW, line=replace(recorded.LINE, title=HOSTILE))
    )
    out = allstop("show").out
    assert all(letter == "\n" or letter.isprintable() for letter in out)
    assert "\\x1b]0;owned\\x07" in out
    assert "\nerror: fake" not in out


def test_hostile_text_in_json_is_escaped_and_means_the_same(allstop: Run, book: Recorded) -> None:
    book.answer("GET /incidents/current", {"title": HOSTILE})
    out = allstop("show", "--json").out
    assert json.loads(out) == {"title": HOSTILE}
    assert all(letter == "\n" or letter.isprintable() for letter in out)


def test_hostile_text_in_problems(allstop: Run, book: Recorded) -> None:
    from tests.faces.cli.coordinator import problem  # noqa: PLC0415 - beside its use

    book.answers["GET /incidents/current"] = problem(404, "not-found", HOSTILE, HOSTILE)
    err = allstop("show").err
    assert all(letter == "\n" or letter.isprintable() for letter in err)


def test_making_text_safe() -> None:
    assert safe("a\tb\n c") == "a b c"
    assert safe("\u202e") == "\\u202e"
    assert safe_block("a\tb\n\x1b[0m") == "a\tb\n\\x1b[0m"
    assert safe("Grüße 日本 \N{PILE OF POO}") == "Grüße 日本 \N{PILE OF POO}"
    assert safe_json('{"a": "\U000e0041"}') == '{"a": "\\udb40\\udc41"}'


def test_colour_reads_no_markup_and_wide_letters_align() -> None:
    page = Page()
    page.line(Piece("[bold red]title[/]", "bad"))
    page.table(("name", "text"), [("日本", "[link=http://x]y[/link]"), ("abcd", "z")])
    out = io.StringIO()
    show(page, Console(file=out, width=80, force_terminal=False))
    assert "[bold red]title[/]" in out.getvalue()
    assert "[link=http://x]y[/link]" in out.getvalue()
    assert plain(page) == "[bold red]title[/]\nname  text\n日本  [link=http://x]y[/link]\nabcd  z\n"


def test_a_status_without_services_and_agents_has_no_empty_lists(
    allstop: Run, book: Recorded
) -> None:
    """Given a project that is new, then it says what is not there instead of a title with nothing below."""
    book.answer("GET /overview", replace(recorded.QUIET_OVERVIEW, services=(), agents=()))
    out = allstop("status").out
    assert "Services\n  fleet.yaml describes none" in out
    assert "Agents\n  none is registered" in out


OFF = replace(recorded.SERVICES[0], off=True, standing="stopped by PLAN-3")


@pytest.mark.parametrize("words", [["services"], ["status"], []])
def test_what_a_plan_has_stopped_is_not_told_as_an_outage(
    allstop: Run, book: Recorded, words: list[str]
) -> None:
    """Given a service that a plan has stopped, then every list of services says that it is off on purpose."""
    services = (OFF, recorded.SERVICES[1])
    book.answer("GET /services", services)
    book.answer("GET /overview", replace(recorded.QUIET_OVERVIEW, services=services))
    line = next(one for one in allstop(*words).out.splitlines() if "payments" in one)
    assert "off on purpose" in line
    assert "payments  down" not in " ".join(line.split("  "))


def test_what_a_plan_has_left_a_service_in_stands_beside_it(allstop: Run, book: Recorded) -> None:
    cut = replace(recorded.SERVICES[1], standing="isolated")
    book.answer("GET /services", (cut,))
    assert "up, isolated" in allstop("services").out
    down = replace(cut, state="down")
    book.answer("GET /overview", replace(recorded.QUIET_OVERVIEW, services=(down,)))
    assert "down, isolated" in allstop("status").out
    assert "services  0 of 1 up; accounts down\n" in allstop().out


def test_a_service_that_is_up_although_a_plan_stopped_it_is_up(
    allstop: Run, book: Recorded
) -> None:
    book.answer("GET /services", (replace(OFF, state="up"),))
    out = allstop("services").out
    assert "off on purpose" not in out
    assert "up, stopped by PLAN-3" in out
