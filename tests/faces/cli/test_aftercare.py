"""What is watched on after standing down, as the command line shows it."""

from dataclasses import replace
from datetime import timedelta

from allstop.application.work_shapes import AftercareLine
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded
from tests.faces.cli.recorded import NOW

SAID = "watched on until 2026-11-22 02:00 UTC; Health every ten minutes: 2 looks good, 1 not taken"
WATCHES = (
    AftercareLine(
        "gapless", "Half an hour", "clean", "900 looks, all good", "2 of 2 probes good",
        900, 0, 0, 0, None, NOW - timedelta(minutes=30),
    ),
    AftercareLine(
        "hour", "Health every ten minutes", "watching", "2 looks good, 1 not taken",
        "2 of 2 probes good", 2, 0, 0, 1, NOW + timedelta(minutes=4), NOW + timedelta(minutes=34),
    ),
    AftercareLine(
        "errors", "Error rates", "inconclusive", "0 looks good, 16 could not be judged",
        "no meter says how many requests fail", 0, 0, 16, 0, None, NOW - timedelta(minutes=1),
    ),
)  # fmt: skip
ENDED = replace(recorded.LINE, state="stood-down", aftercare=SAID)


def test_it_says_how_an_ended_incident_is_watched_on(allstop: Run, book: Recorded) -> None:
    """Given an incident that was stood down, then one line says it all, and the whole says each watch."""
    view = replace(recorded.VIEW, line=ENDED, aftercare=WATCHES)
    book.answer("GET /incidents/current", view)
    book.answer("GET /incidents/INC-1", view)
    assert f"\n  aftercare  {SAID}\n" in allstop("show", "INC-1").out
    out = allstop("show", "INC-1", "--all").out
    part = out.partition("\nWatched on\n")[2].partition("\n\n")[0]
    assert part.splitlines() == [
        "  clean         gapless  Half an hour: 900 looks, all good",
        "  watching      hour     Health every ten minutes: 2 looks good, 1 not taken (last: 2 of 2 probes good); next look in 4m; ends in 34m",
        "  inconclusive  errors   Error rates: 0 looks good, 16 could not be judged (last: no meter says how many requests fail)",
    ]  # fmt: skip


def test_status_says_it_below_the_incidents_that_have_ended(allstop: Run, book: Recorded) -> None:
    book.answer("GET /overview", replace(recorded.OVERVIEW, incidents=(ENDED,)))
    assert f"  {SAID}\n" in allstop("status").out
    plain = replace(ENDED, aftercare="")
    book.answer("GET /overview", replace(recorded.OVERVIEW, incidents=(plain,)))
    assert "watched on" not in allstop("status").out
