"""What people read about work, standing and aftermath, letter by letter where it matters."""

import json
from dataclasses import replace

import msgspec
import pytest

from allstop.application.reading_in import ReadIn, Said, Told
from allstop.application.standing_shapes import Balance, ModeNow, PointsView
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded
from tests.faces.cli.test_pages import HOSTILE

SHOWN = """\
INC-1  SEV1 (Critical)  PRIVATE  checkout fails  open for 4m 10s
  kind       Production outage
  impact     buying down; 80% of requests failing
  suspected  payments, checkout
  commander  Ada Lovelace (ada)
  handoff    Scribe is offered to grace, not accepted yet
  phase      Contain, waits for:
             - All agents accounted for: 1 of 2 stopped
             - No new damage: nobody has stated it
  all-stop   HALT-1: 1 of 2 agents stopped; not yet: builder-2 (unaccounted)
  plan       PLAN-1 (contain): proposed, 1 of 3 steps done, waits for approval by commander
  change     CHG-1 proposed: raise the pool of payments, risk 3, waits for approval by commander, review due in 10m (03:14:10 UTC)
  remedy     ROLLBACK, because released 9 minutes before it began
  crew       Shield casters: proposed: ada, builder-1
  tasks      2 open, 1 of them nobody's
  missed     somebody has it
  emergency  on, ends in 2h (05:04:10 UTC); suspended: Scoring
  over       expected in 45m (03:49:10 UTC)
  update     due in 2m 5s (03:06:15 UTC)
next: allstop approve PLAN-1
"""

OWED = """\
INC-0  stood down

Owed
  LATE by 3h  report  commander  Write the report; meeting 2026-11-23 03:04:10 UTC
  met         board   commander  Update the board: done by hand

Action items
  LATE by 2d  ACT-1  grace, high  alert on pool size; https://tracker/1

Before it may be closed
  - not yet: review filed   allstop fill review --incident INC-0
next: allstop fill review --incident INC-0
"""

BESIDE = """\
No incident is open.

proposal  PROP-1 waits for an answer: battle stations, the shop is down
emergency mode is on; suspended: Scoring
late      2 obligations are late: allstop owed --all
review    protocol review is late by 22 days
"""

CREW = """\
Shield casters (containment): proposed: ada, builder-1
  No new damage
  they know payments
Messengers (communication): grace
  Updates on time
next: allstop crew accept
"""

CHANGE = """\
CHG-1 proposed: raise the pool of payments, risk 3, waits for approval by commander, review due in 10m (03:14:10 UTC)
  POOL=200, then a restart
  asked by grace, signed by grace (review); it touches money
next: allstop approve change:CHG-1
"""

FORMS = """\
form         title            filed             still missing
briefing     Threat briefing  4m 10s ago by ada  Level
post-mortem  Post-mortem      not yet           Why (after the stand-down)
next: allstop fill FORM
"""

TASKS = """\
task  owner  state  what
T1    grace  open   call the bank
T2    -      open   block the traffic
next: allstop task done T1
"""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("show",), SHOWN),
        (("owed", "--incident", "INC-0"), OWED),
        (("crew",), CREW),
        (("change",), CHANGE),
        (("change", "list"), CHANGE),
        (("tasks",), TASKS),
        (("task",), TASKS),
        (("tasks", "-q"), "T1\nT2\n"),
        (("crew", "-q"), "containment\ncommunication\n"),
        (("action",), "LATE by 2d  ACT-1  grace, high  alert on pool size; https://tracker/1\n"),
        (("proposals", "-q"), "PROP-1\n"),
        (("forms", "-q"), "briefing\npost-mortem\n"),
    ],
)
def test_human_output(allstop: Run, rich: Recorded, words: tuple[str, ...], text: str) -> None:
    ran = allstop(*words)
    assert ran.out == text
    assert (ran.code, ran.err) == (0, "")


def test_forms_line_up(allstop: Run, rich: Recorded) -> None:
    out = allstop("forms").out
    assert [line.split() for line in out.splitlines()] == [
        line.split() for line in FORMS.splitlines()
    ]
    out = allstop("forms", "briefing").out
    assert "  Level level: one of red, orange\n" in out
    assert "  Impact impact: text, filled in from the record when left out\n" in out
    assert "    checkout fails\n" in out


def test_everything_has_its_section_and_empty_ones_have_none(
    allstop: Run, book: Recorded, rich: Recorded
) -> None:  # fmt: skip
    out = allstop("show", "--all").out
    titles = [
        "Crews", "Tasks", "Changes by hand", "Found by people", "Facts stated",
        "Threat briefing, filed by ada at 2026-11-21 03:04:10 UTC", "Preflight 1: failed", "Linked", "Owed",
        "Action items", "Points", "Besides",
    ]  # fmt: skip
    assert [title for title in titles if f"\n{title}\n" not in out] == []
    assert "Before it may be closed" not in out, "it is open: that is not the question"
    assert "\n  schema_changed  no\n" in out
    rich.answer("GET /incidents/current", recorded.VIEW)
    out = allstop("show", "--all").out
    assert [title for title in titles if f"\n{title}\n" in out] == ["Owed"]


def test_after_the_end_it_says_what_is_owed(allstop: Run, rich: Recorded) -> None:
    ended = replace(recorded.RICH, line=replace(recorded.RICH.line, state="stood-down"))
    rich.answer("GET /incidents/INC-1", ended)
    out = allstop("show", "INC-1").out
    assert "  late       Write the report\n" in out
    assert "  to close   not yet: review filed\n" in out
    assert out.endswith("next: allstop owed INC-1\n")
    rich.answer("GET /incidents/INC-1", replace(ended, report="reports/x.md"))
    assert allstop("show", "INC-1").out.endswith("next: allstop owed INC-1\n")
    paid = replace(ended, missing_before_close=(), obligations=())
    rich.answer("GET /incidents/INC-1", paid)
    assert allstop("show", "INC-1").out.endswith("next: allstop report INC-1 --file\n")
    rich.answer("GET /incidents/INC-1", replace(paid, report="x"))
    assert allstop("show", "INC-1").out.endswith("next: allstop close INC-1\n")
    merged = replace(ended, line=replace(ended.line, state="merged"), merged_into="INC-0")
    rich.answer("GET /incidents/INC-1", merged)
    out = allstop("show", "INC-1").out
    assert "merged into another after 4m 10s" in out
    assert "  goes on in INC-0\n" in out


def test_status_says_what_waits_beside_the_incidents(allstop: Run, book: Recorded) -> None:
    book.answer("GET /overview", recorded.BESIDE)
    assert allstop().out.startswith(BESIDE)


def test_owed_of_every_incident(allstop: Run, rich: Recorded) -> None:
    free = replace(recorded.OWED, incident="INC-1", obligations=(), actions=(), missing=())
    rich.answer("GET /incidents/INC-1/owed", free)
    out = allstop("owed", "--all").out
    assert "INC-0  stood down" in out
    assert "INC-1" not in out
    assert len(json.loads(allstop("owed", "--all", "--json").out)) == 2


def test_corrections_stand_beside_what_they_correct(allstop: Run, rich: Recorded) -> None:
    first, second = recorded.ENTRIES
    entries = (replace(first, version=12, correction="it was release 40"), second)
    rich.answer("GET /incidents/current/timeline", entries)
    assert allstop("timeline", "--numbers").out == (
        "2026-11-21 UTC\n"
        "  12  03:00:00  ada             INC-1 declared (manual): checkout fails\n"
        f"{'':32}corrected: it was release 40\n"
        "      03:04:10  coordinator     builder-1 CONFIRMED: no process\n"
    )


def test_mode_points_and_reading_in(allstop: Run, book: Recorded) -> None:
    book.answer("GET /mode", ModeNow({}, {}, ()))
    assert allstop("mode").out == "Emergency mode is off.\n"
    book.answer("GET /mode", ModeNow({"s": "Scoring"}, {"d": "Direct talk"}, (recorded.MODE,)))
    assert allstop("mode").out == (
        "suspended  Scoring\nallowed    Direct talk\nbecause of INC-1, ends in 2h (05:04:10 UTC)\n"
    )
    book.answer(
        "GET /points", PointsView((Balance("builders", "Builders", 10),), recorded.RICH.points)
    )
    out = allstop("points").out
    assert out.startswith("10  Builders\n")
    assert "  +10  builders  just now  resolved it (INC-1)\n" in out
    told = ReadIn(
        "INC-1", "checkout fails", "open", "SEV1", recorded.NOW,
        (Told("what", "What it is", (Said("checkout fails", "", recorded.BEGAN),)),), ("Checkout fails.",),
    )  # fmt: skip
    book.answer("GET /incidents/current/read-in", told)
    assert allstop("read-in").out.endswith("What it is\n  03:00 UTC  checkout fails\n")
    assert allstop("read-in", "-q").out == "Checkout fails.\n"


@pytest.mark.parametrize(
    "words",
    [("proposals",), ("crew",), ("owed", "--incident", "INC-0"), ("forms",), ("show", "INC-1")],
)
def test_json_is_the_answer_of_the_api(
    allstop: Run, rich: Recorded, words: tuple[str, ...]
) -> None:  # fmt: skip
    ran = allstop(*words, "--json")
    answer = rich.answers[f"GET {rich.last.path}"][1]
    assert json.loads(ran.out) == json.loads(msgspec.json.encode(answer))


def test_hostile_text_reaches_no_terminal(allstop: Run, rich: Recorded) -> None:
    task = replace(recorded.TASKS[0], title=HOSTILE, owner=HOSTILE, state=HOSTILE)
    crew = replace(recorded.CREWS[0], title=HOSTILE, objective=HOSTILE, proposed=(HOSTILE,))
    change = replace(recorded.CHANGE, title=HOSTILE, detail=HOSTILE, waits_for=HOSTILE)
    view = replace(recorded.RICH, tasks=(task,), crews=(crew,), changes=(change,), source=HOSTILE)
    rich.answer("GET /incidents/current", view)
    rich.answer("GET /incidents/current/crews", (crew,))
    rich.answer("GET /proposals", (replace(recorded.PROPOSAL, text=HOSTILE, because=HOSTILE),))
    for words in (("show", "--all"), ("tasks",), ("crew",), ("change",), ("proposals",)):
        out = allstop(*words).out
        assert all(letter == "\n" or letter.isprintable() for letter in out), words
        assert "\nerror: fake" not in out
