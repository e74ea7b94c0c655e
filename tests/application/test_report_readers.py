"""Who reads what in a report: it is made for whoever asks, and the file for everybody."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from allstop.adapters.report_files import ReportFiles
from allstop.application.privacy import INSTEAD
from allstop.application.reporting.formats import as_json
from allstop.application.reporting.paper import Block, Paper, Paragraph, bullets
from allstop.application.reports import MEDIA, Reports
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as k
from allstop.domain.policy import Policy
from allstop.domain.principal import Kind, Principal
from allstop.errors import Missing, Refused, Unavailable
from tests.application.ground import House, told
from tests.application.whole import ZOE, whole
from tests.domain.builders import ADA, BEN

# One word, as common as any: it cannot be taken out of texts that only happen to hold it.
TITLE = "Ransom"
FEED = Principal("prometheus", Kind.SOURCE)


def printed(paper: Paper) -> bytes:
    """A typesetter that keeps every word, so that they can be looked for."""
    return as_json(paper).encode()


def reports(house: House, home: Path) -> Reports:
    return Reports(house.views, house.post, house.clock, ReportFiles(home), printed)


async def linked(house: House, policy: Policy | None = None) -> None:
    """A public incident of ada's, linked to a private one of ben's, and a note that names it."""
    await house.begin(policy or whole())
    await house.do(c.DeclareIncident("the search is slow"), ADA)
    await house.do(c.DeclareIncident(TITLE, private=True), BEN)
    await house.do(k.LinkIncidents("INC-1", "INC-2", "caused-by"), BEN)
    await house.do(c.AddNote("INC-1", f"it is about INC-2: {TITLE}, says ben"), BEN)


@pytest.mark.parametrize("kind", ["report", "post-mortem"])
@pytest.mark.parametrize("form", MEDIA)
@told
async def test_it_says_what_its_reader_may_know(
    house: House, tmp_path: Path, kind: str, form: str
) -> None:
    """Given a public incident that is linked to a private one, then in every format a stranger's report has
    neither its number nor its title, and that of somebody who takes part has both."""
    await linked(house)
    made = reports(house, tmp_path)
    theirs = made.for_(house.views.for_(ZOE)).print("INC-1", kind, form)[0].decode()
    mine = made.for_(house.views.for_(BEN)).print("INC-1", kind, form)[0].decode()

    assert "INC-2" not in theirs
    assert TITLE not in theirs
    assert f"it is about {INSTEAD}" in theirs
    assert "INC-2" in mine
    assert TITLE in mine


@told
async def test_a_stranger_reads_that_nothing_is_related(house: House, tmp_path: Path) -> None:
    """Given a protocol that asks for what is related, and nothing but a private incident, then a stranger's
    report says that there is none: not even that there is something."""
    plain = whole()
    protocol = replace(plain.protocol, report_sections=("summary", "related"))
    await linked(house, replace(plain, protocol=protocol))
    made = reports(house, tmp_path)

    def related(who: Principal) -> tuple[Block, ...]:
        sections = made.for_(house.views.for_(who)).paper("INC-1").sections
        return next(one.blocks for one in sections if one.id == "related")

    assert related(ZOE) == (Paragraph("None."),)
    assert related(BEN) == (bullets(f"INC-2 (caused-by): {TITLE}"),)


@told
async def test_there_is_no_report_of_what_may_not_be_read(house: House, tmp_path: Path) -> None:
    """Given a private incident, then for a stranger there is no report of it."""
    await linked(house)

    with pytest.raises(Missing, match="no incident INC-2"):
        reports(house, tmp_path).for_(house.views.for_(ZOE)).render("INC-2")


@told
async def test_the_file_names_no_other_private_incident(house: House, tmp_path: Path) -> None:
    """Given that somebody who knows of both files the report of the public one, then the file, which anybody
    may open, does not name the private one; and its digest is that of the file."""
    await linked(house)
    path, text = await reports(house, tmp_path).file("INC-1", BEN)
    written = (tmp_path / path).read_text("utf-8")

    assert written == text
    assert "INC-2" not in text
    assert TITLE not in text
    (entry,) = [one for one in house.store.records(limit=1000) if one.kind == "report.written"]
    assert hashlib.sha256(written.encode()).hexdigest() in entry.body


@told
async def test_the_file_of_a_private_incident_is_whole(house: House, tmp_path: Path) -> None:
    """Given the report of the private incident itself, then its file says what it is about."""
    await linked(house)
    _, text = await reports(house, tmp_path).file("INC-2", BEN)

    assert f"INC-2: {TITLE}" in text
    assert "INC-1" in text


@told
async def test_a_folder_that_takes_no_file_is_told_of(house: House, tmp_path: Path) -> None:
    """Given a file where the folder of the reports should be, then filing says so, and nothing says that a report
    was written."""
    await linked(house)
    (tmp_path / "reports").write_text("not a folder")

    with pytest.raises(Unavailable, match="cannot be written"):
        await reports(house, tmp_path).file("INC-1", ADA)
    assert "report.written" not in house.kinds()


@told
async def test_whoever_may_not_file_it_writes_no_file(house: House, tmp_path: Path) -> None:
    """Given a report on disk, when an alert feed files it, which may write nothing on the timeline, then that
    is refused on the record and the file is as it was."""
    await linked(house)
    made = reports(house, tmp_path)
    path, _ = await made.file("INC-1", ADA)
    (tmp_path / path).write_text("as it was", "utf-8")

    with pytest.raises(Refused):
        await made.file("INC-1", FEED)

    assert (tmp_path / path).read_text("utf-8") == "as it was"
    assert [one.command for one in house.store.refusals()] == ["RecordReport"]
