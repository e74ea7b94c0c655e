"""The report: made from the record alone, whole, and safe to open whatever stands in the record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from markdown_it.token import Token

from allstop.adapters.report_files import ReportFiles
from allstop.application.reporting.paper import Table
from allstop.application.reports import Reports
from allstop.domain.effects import done
from allstop.domain.halt.commands import AnswerRollCall, RegisterAgent
from allstop.domain.incident import commands as c
from allstop.domain.incident.work_commands import AddEvidence, FileForm
from allstop.domain.plan.commands import AbortPlan
from allstop.domain.policy import Closing, Form, FormField, Grant, Policy
from allstop.errors import Missing
from tests.application.ground import CORE, SECOND, House, told
from tests.application.whole import whole
from tests.domain import builders
from tests.domain.builders import ADA, BUILDER, EVE, START

ATTACKS = (
    "a | b || c", "\\| d | e", "one\n# two\n", "one\r\n\r\n| x |\r\n", "<script>alert(1)</script>",
    "<img src=x onerror=y>", "[click](http://evil.example)", "\\[click\\](http://evil.example)",
    "![x](http://evil.example/x.png)", "`code` ``` ~~~", "**bold** *x*", "<!-- hidden", "&lt;b&gt;",
    "[x]: http://evil.example", "\n- [ ] fake", "_one_ or __two__", "~~gone~~", "1. first", "2) second", "\x0b\x0c\x85\u2028# line", "trailing \\",
)  # fmt: skip


def parsed(text: str) -> list[Token]:
    """All tokens, those inside lines too."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def headings(text: str) -> list[str]:
    tokens = parsed(text)
    return [
        tokens[place + 1].content for place, one in enumerate(tokens) if one.type == "heading_open"
    ]


def reports(house: House, home: Path) -> Reports:
    return Reports(house.views, house.post, house.clock, ReportFiles(home))


async def lived(house: House) -> None:
    """An emergency with agents, a plan, evidence, an override and a statement."""
    await house.register()
    house.outside.keeps["history"] = b"commit c0ffee"
    await house.declare(began_at=house.clock.now().utc)
    await house.do(c.AcknowledgeIncident("INC-1"))
    answer = AnswerRollCall("builder-1", "HALT-1", "stopped", "a task", "c0ffee", "main")
    await house.do(answer, BUILDER)
    async with house.working(house.runner.run, house.timekeeper.run, house.monitor.run):
        await house.wait(30 * SECOND)
    await house.do(c.Override("INC-1", "roll-call", "I stopped it by hand"), EVE)
    await house.do(c.RecordStatement("INC-1", "root-cause", "the pool was too small"))


@told
async def test_all_sections_are_there(house: House, tmp_path: Path) -> None:
    """Given an emergency, then its report has every section, in this order."""
    await lived(house)
    text = reports(house, tmp_path).render("INC-1")

    assert headings(text) == [
        "INC-1: buying fails", "Summary", "Times", "Team", "Phases and gates", "Agents",
        "Plans and changes", "Decisions", "Evidence", "Root cause", "Action items", "Owed",
        "Timeline (UTC)",
    ]  # fmt: skip
    for line in (
        "- Services suspected: payments",
        "- Worst measured impact: buying down",
        "- Stated, root-cause: the pool was too small",
        "- OVERRIDDEN roll-call: I stopped it by hand",
        "- communications lead: Ben",
        "- scribe: nobody",
        "| builder-1 | builders | confirmed | a task | c0ffee | confirm seen |",
        "| 1 | isolate payments | done | isolate seen |",
        "Nothing is owed yet: most obligations begin at stand-down.",
    ):
        assert line in text.splitlines(), line
    assert "| kept as |" in text


@told
async def test_decisions_and_findings_have_their_day(house: House, tmp_path: Path) -> None:
    """Given an incident that goes on over midnight, then decisions and findings say on which day."""
    await house.begin(whole())
    await lived(house)
    await house.do(AddEvidence("INC-1", "observation", "the pool is small"))
    sections = {one.id: one.blocks for one in reports(house, tmp_path).paper("INC-1").sections}
    tables = [
        one for id in ("decisions", "evidence") for one in sections[id] if isinstance(one, Table)
    ]
    dated = [row for one in tables if one.head[0] == "time (UTC)" for row in one.rows]

    assert len(dated) > 2
    assert all(row[0].startswith(f"{START:%Y-%m-%d} ") for row in dated)


@told
async def test_names_with_underscores_stay_readable(house: House, tmp_path: Path) -> None:
    """Given a name as programs have them, then it stands in the report as it is written."""
    await house.declare()
    await house.do(c.AddNote("INC-1", "failed_share_percent rose"))

    assert "failed_share_percent rose" in reports(house, tmp_path).render("INC-1")


@told
async def test_what_was_measured_stands_beside_its_target(house: House, tmp_path: Path) -> None:
    """Given an incident that was acknowledged late, then the table has each time, its target, whether it
    was met, and how it is measured."""
    await house.declare(began_at=house.clock.now().utc)
    await house.wait(100 * SECOND)
    await house.do(c.AcknowledgeIncident("INC-1"))
    rows = reports(house, tmp_path).render("INC-1").splitlines()

    assert "| detect | 0s | 15s | yes | declared - last seen well |" in rows
    assert "| acknowledge | 1m 40s | 1m 30s | NO | acknowledged - declared |" in rows
    assert "| mitigate | not yet | none set | - | traffic gate passed - declared |" in rows


@told
async def test_a_report_of_almost_nothing_is_a_report(house: House, tmp_path: Path) -> None:
    """Given an incident of which only the declaration is known, then its report says so."""
    await house.do(c.DeclareIncident("the lights are out"))
    text = reports(house, tmp_path).render("INC-1")

    assert "- Services suspected: none named" in text
    assert "Rollback, fix or investigate" not in headings(text)


@told
async def test_after_the_stand_down_it_says_what_is_owed(house: House, tmp_path: Path) -> None:
    """Given a closed incident, then what is owed, by whom and until when is in the report, and the agents
    stand as they were held and with what became of them."""
    await lived(house)
    protocol = house.post.book.latest.protocol
    for criterion in (
        *(one for phase in protocol.phases for one in phase.exit),
        *protocol.stand_down,
    ):
        await house.do(c.Override("INC-1", criterion.id, "seen by eye"), EVE)
    async with house.working(house.runner.run, house.timekeeper.run):
        await house.wait(10 * SECOND)
    for plan in house.world.plans_of("INC-1"):
        if plan.ended_at is None:
            await house.do(AbortPlan(plan.id, "it is over"))
    await house.do(c.StandDown("INC-1", "it is over"))
    text = reports(house, tmp_path).render("INC-1")

    assert "- [ ] Write the report (commander, until 2026-11-22 03:00 UTC)" in text
    assert "| confirmed, then released |" in text


@told
async def test_a_filed_report_can_be_checked(house: House, tmp_path: Path) -> None:
    """Given a report, when it is filed, then the file is what was rendered, and the log has its path and
    its digest; an agent may file it, and one that is unknown cannot be filed."""
    await house.declare()
    path, text = await reports(house, tmp_path).file("INC-1", ADA)

    assert path == "reports/2026-11-21-INC-1.md"
    assert (tmp_path / path).read_text("utf-8") == text
    written = house.store.records(stream="incident/INC-1", limit=1000)[-1]
    assert hashlib.sha256(text.encode()).hexdigest() in written.body
    assert house.views.incident("INC-1").report == path
    with pytest.raises(Missing):
        await reports(house, tmp_path).file("INC-2", ADA)


# --- hostile text ------------------------------------------------------------------------------


def written_by(attack: str) -> Policy:
    """Documents whose every text for people is the attack."""
    plain = builders.policy()
    protocol = plain.protocol
    people = tuple(replace(one, name=attack) for one in plain.roster.people)
    return replace(
        plain,
        protocol=replace(
            protocol,
            title=attack,
            roles=tuple(replace(one, title=attack) for one in protocol.roles),
            phases=tuple(
                replace(
                    phase,
                    title=attack,
                    exit=tuple(replace(one, title=attack) for one in phase.exit),
                )
                for phase in protocol.phases
            ),
        ),
        roster=replace(plain.roster, people=people),
    )


async def attacked(house: House, attack: str) -> None:
    """An emergency in which everybody who can write something writes the attack."""
    await house.begin(written_by(attack))
    await house.do(RegisterAgent("builder-1", attack, attack, "script"), BUILDER)
    house.outside.acts = {
        verb: [done(attack)] for verb in ("tell", "confirm", "isolate", "history")
    }
    house.outside.samples = {"checkout": [(False, attack, {})]}
    await house.do(c.DeclareIncident(attack.strip(), ("payments",), "manual", CORE))
    answer = AnswerRollCall("builder-1", "HALT-1", attack, attack, attack, attack)
    await house.do(answer, BUILDER)
    async with house.working(house.runner.run, house.timekeeper.run, house.monitor.run):
        await house.wait(30 * SECOND)
    await house.do(c.AddNote("INC-1", attack), BUILDER)
    await house.do(c.PostUpdate("INC-1", "fixing", attack))
    await house.do(c.RecordStatement("INC-1", "root-cause", attack))
    await house.do(c.Override("INC-1", "roll-call", attack), EVE)


@pytest.mark.parametrize("attack", ATTACKS)
@told
async def test_nothing_in_the_record_can_break_out_of_the_report(
    house: House, tmp_path: Path, attack: str
) -> None:
    """Given text that wants to be a cell, a line, a heading, markup, a picture or a link, wherever an
    agent, a service or a person can write it, then the report has the headings and tables it should have,
    and nothing in it is HTML, a picture or a link."""
    await attacked(house, attack)
    text = reports(house, tmp_path).render("INC-1")
    tokens = parsed(text)

    kinds = {one.type for one in tokens}
    assert not kinds & {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "fence",
        "code_inline",
        "em_open",
        "strong_open",
        "s_open",
        "ordered_list_open",
    }
    assert len(headings(text)) == 13
    assert not [one for one in tokens if one.type == "heading_open" and one.tag not in ("h1", "h2")]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == sum(one.type == "tr_open" for one in tokens) + sum(
        one.type == "table_open" for one in tokens
    )
    for line in rows:
        bare = line.replace("\\\\", "").replace("\\|", "")
        assert bare.count("|") in (4, 5, 6, 7, 8), line
    assert all(letter.isprintable() or letter == "\n" for letter in text)


# --- other formats, and the post-mortem ---------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
@told
async def test_nothing_in_the_record_becomes_markup_of_the_page(
    house: House, tmp_path: Path, attack: str
) -> None:
    """Given text that wants to be HTML, then the page has our own elements only, and needs nothing else."""
    await attacked(house, attack)
    page = BeautifulSoup(reports(house, tmp_path).render("INC-1", "report", "html"), "html.parser")

    found = {one.name for one in page.find_all(True)}
    assert found <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt",
        "dd", "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert not [
        one
        for one in page.find_all(True)
        if set(one.attrs) - {"lang", "charset", "name", "content", "class", "id"}
    ]


@told
async def test_other_programs_read_the_same_sections_as_people(
    house: House, tmp_path: Path
) -> None:
    """Given an emergency, then the JSON has the sections of the Markdown, in its order, as records."""
    await lived(house)
    made = reports(house, tmp_path)
    found = json.loads(made.render("INC-1", "report", "json"))

    assert [found["title"], *(one["title"] for one in found["sections"])] == headings(
        made.render("INC-1")
    )
    times = next(one for one in found["sections"] if one["id"] == "times")
    assert times["blocks"][0]["head"] == ["time to", "measured", "target", "met", "formula"]


@told
async def test_the_post_mortem_holds_what_people_wrote_and_names_what_is_missing(
    house: House, tmp_path: Path
) -> None:
    """Given a protocol whose closing asks for two forms of which one was filed, then the post-mortem has its
    fields as sections, and says of the other one how it is filed."""
    whys = Form("five-whys", "Five whys", (FormField("why-1", "Why"), FormField("cause", "Cause")))
    review = Form("post-mortem", "Post-mortem", (FormField("summary", "Summary"),), after=True)
    asked = Closing({"SEV1": ("form:post-mortem", "form:five-whys")})
    rules = replace(house.post.book.latest.protocol, forms=(whys, review), closing=asked)
    grants = (*rules.authority, Grant("form", ("person",)))
    house.post.adopt(replace(house.post.book.latest, protocol=replace(rules, authority=grants)))
    await house.declare(began_at=house.clock.now().utc)
    fields = {"why-1": "the pool was full", "cause": "it was halved\nby release 41"}
    await house.do(FileForm("INC-1", "five-whys", fields))
    text = reports(house, tmp_path).render("INC-1", "post-mortem")

    assert "### Why" in text
    assert "- by release 41" in text
    assert "Not filed yet. 'allstop fill post-mortem'" in text
    with pytest.raises(Missing):
        reports(house, tmp_path).render("INC-1", "obituary")
    with pytest.raises(Missing):
        reports(house, tmp_path).print("INC-1", "report", "pdf")
