"""Long logs: a page of them has an end, and nobody else waits while one is made."""

import asyncio
import re

from allstop.domain.incident import commands as c
from allstop.domain.incident.events import NoteAdded
from tests.application.happening import Happened, happenings
from tests.application.slow import SlowDisk
from tests.faces.web.conftest import Opener, text
from tests.faces.web.stage import raised


async def test_a_page_has_an_end_however_long_the_timeline(opened: Opener) -> None:
    """Given more entries than can be read on a page, then the newest are on it, and the command for the
    rest; when fewer are asked for, they can be had."""
    stage = await raised()
    incident = str((await stage.do(c.DeclareIncident("Search is slow")))["incident"])
    notes = tuple(NoteAdded(f"note {number}") for number in range(2100))
    with happenings():
        await stage.do(Happened(f"incident/{incident}", notes))
    console = opened(stage)
    short = await console.get(f"/incidents/{incident}")
    assert len(short.select("#timeline .entry")) == 200
    link = str(short.select("#timeline a")[-1]["href"]).partition("#")[0]
    # Looked at as text: reading a page of this size as a page takes seconds.
    page = (await console.client.get(f"/incidents/{incident}{link}")).text
    every = stage.coordinator.views.timeline(incident)
    shown = [int(place) for place in re.findall(r'data-key="e([0-9]+)"', page)]
    assert shown == [entry.position for entry in reversed(every)][:2000]
    assert f"{len(every) - 2000} older entries are too many for a page" in page
    assert f'<span class="typed">allstop timeline {incident}</span>' in page


async def test_somebody_else_is_answered_while_a_long_log_is_read(opened: Opener) -> None:
    """Given a disk that is slow, when somebody opens the page of an incident, then other pages and commands
    go on meanwhile."""
    disk = SlowDisk()
    stage = await raised(store=disk)
    incident = str((await stage.do(c.DeclareIncident("Search is slow")))["incident"])
    console = opened(stage)
    disk.gate.held = True
    opening = asyncio.create_task(console.get(f"/incidents/{incident}"))
    await disk.gate.reached()
    await stage.do(c.AddNote(incident, "written meanwhile"))
    assert (await console.client.get("/sign-out")).status_code == 200
    disk.gate.let_go()
    page = await opening
    assert "Search is slow" in text(page, "h1")
    assert not disk.gate.late
