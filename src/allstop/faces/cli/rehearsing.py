"""`allstop protocol rehearse`: a story played against a protocol, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from allstop.errors import Invalid, Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.protocol_given import protocol_given
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

if TYPE_CHECKING:
    from datetime import datetime

    from allstop.domain.policy import Policy
    from allstop.protocol.rehearsal import Expectation, Played, Story

_TONES = {"good": "good", "bad": "bad", "notice": "notice"}


@verb(
    "rehearse",
    "allstop protocol rehearse night.story.yaml",
    "allstop protocol rehearse night.story.yaml --protocol patronus",
    'allstop protocol rehearse night.story.yaml --expect "severity INC-1 is RED"',
)
@click.argument("story", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--protocol", "name", default="", metavar="NAME", help="Play it with this one instead: a pack or a file."
)  # fmt: skip
@click.option(
    "--expect", "expected", multiple=True, metavar="TEXT",
    help="Must hold at the end, or exit code 1; beside the story's own.",
)  # fmt: skip
@click.option("--told", is_flag=True, help="With the text of everything that is told.")
def rehearse(
    session: Session, story: Path, name: str, expected: tuple[str, ...], *, told: bool
) -> None:
    """Play a story against a protocol on a virtual clock: nothing outside is touched.

    Prints who is told what, what halts, what falls due and when. The protocol is the one given, else
    the story's own, else the project's with its fleet and roster. Without a project a cast is made up:
    one person per role and office, two agents per team.

    How a story is written, and all that can be expected: docs/protocols/rehearsing.md. The commonest
    expectations, in the story under `expect:` or here:

    \b
      severity INC-1 is RED        told person:owner by 1m     due update:1 at 15m
      phase INC-1 is verify        not told audience:public    missed acknowledge at 5m
      state INC-1 is stood-down    halted all                  refused 3 no-authority
      recorded 2 deadline.missed   (each may begin with `not`)
    """
    from allstop.protocol.rehearsal import compare, parse_expectation, play  # noqa: PLC0415

    found = _story(story)
    policy = _policy(session, found, name)
    try:
        wanted = [parse_expectation(text) for text, _ in found.expect]
        wanted += [parse_expectation(text) for text in expected]
        played = play(found, policy)
    except ValueError as error:
        raise Invalid(str(error), "allstop protocol rehearse --help") from None
    wrong = compare(played, wanted)
    unknown = _strangers(found, policy)
    if session.as_json:
        session.print_value(_plain(played, wanted, wrong) | {"strangers": unknown})
    elif session.quiet:
        for text, instead in wrong:
            click.echo(f"{text}: {instead}")
    else:
        page = Page()
        for text in unknown:
            page.line(Piece(f"warning: {text}", "notice"))
        page.blocks += _page(found, played, wanted, wrong, told=told).blocks
        session.show(page)
    if wrong:
        raise Ended(1)


def _story(file: Path) -> Story:
    from allstop.protocol.rehearsal import read_story  # noqa: PLC0415

    story, problems = read_story(file)
    if story is None:
        raise Invalid("\n".join(str(one) for one in problems), "allstop protocol schema story")
    return story


def _policy(session: Session, story: Story, name: str) -> Policy:
    """The policy to play with; one of a project when nothing else is named."""
    from allstop.protocol.rehearsal import cast_for  # noqa: PLC0415

    chosen = name or story.protocol
    if not chosen and (home := _home(session)) is not None:
        return session.launch.read_policy(home)
    return cast_for(protocol_given(session, chosen or "standard"), story.services)


def _strangers(story: Story, policy: Policy) -> list[str]:
    """Who acts in the story and is on no roster: most likely a name that is misspelt."""
    from allstop.domain.verdict import nearest  # noqa: PLC0415

    known = [f"person:{one.id}" for one in policy.roster.people]
    known += [f"agent:{one.id}" for one in policy.roster.agents]
    found = []
    for step in story.steps:
        if step.by.startswith(("person:", "agent:")) and step.by not in known:
            hint = nearest(step.by, known)
            told = f"line {step.place.line}: {step.by} is not on the roster"
            found.append(f"{told} ({hint})" if hint else told)
    return found


def _home(session: Session) -> Path | None:
    try:
        return session.settings.home if session.settings.has_project else None
    except Missing:
        return None


def _page(
    story: Story, played: Played, wanted: list[Expectation], wrong: list[tuple[str, str]], *, told: bool
) -> Page:  # fmt: skip
    from allstop.application.timeline import QUIET, sentence, tone  # noqa: PLC0415
    from allstop.protocol.rehearsal import still_owed  # noqa: PLC0415

    page = Page()
    page.line(Piece(f"{story.title or 'Rehearsal'}: {played.policy.protocol.title}", "strong"))
    rows: list[tuple[datetime, int, tuple[str | Piece, ...]]] = []
    for number, record in enumerate(played.records):
        if record.kind not in QUIET and record.kind != "agent.registered":
            text = Piece(sentence(record), _TONES.get(tone(record), "plain"))
            rows.append((record.at, number, (_offset(played, record.at), record.actor, text)))
    for refusal in played.refusals:
        because = "; ".join(reason for _, reason, _ in refusal.reasons)
        said = Piece(f"REFUSED {refusal.step.do}: {because}", "bad")
        row = (_offset(played, refusal.at), refusal.step.by, said)
        rows.append((refusal.at, len(played.records), row))
    page.table(
        ("after", "who", "what"), [row for _, _, row in sorted(rows, key=lambda one: one[:2])]
    )
    if told:
        page.title("Told")
        for at, to, channel, subject, body in played.told:
            page.line(Piece(f"{_offset(played, at)}  {to} over {channel}: {subject}", "notice"))
            page.line(f"    {body}")
    owed = still_owed(played)
    if owed:
        page.title("Falls due later")
        page.table((), [(_offset(played, at), id, what) for at, id, what in owed], indent=2)
    page.title(_sum(played))
    for one in wanted:
        instead = dict(wrong).get(one.text)
        if instead is None:
            page.line(Piece(f"ok      {one.text}", "good"))
        else:
            page.line(Piece(f"WRONG   {one.text}: {instead}", "bad"))
    return page


def _sum(played: Played) -> str:
    people = sorted({to for _, to, *_ in played.told})
    missed = sum(1 for one in played.records if one.kind == "deadline.missed")
    return (
        f"{len(played.records)} entries, {len(played.told)} messages to {', '.join(people) or 'nobody'}; "
        f"{len(played.world.halts)} halts, {missed} deadlines missed, {len(played.refusals)} refusals"
    )


def _offset(played: Played, at: datetime) -> str:
    from allstop.domain.moment import between, words  # noqa: PLC0415

    milliseconds = between(played.start, at)
    return words(milliseconds) if milliseconds >= 0 else f"-{words(-milliseconds)}"


def _plain(
    played: Played, wanted: list[Expectation], wrong: list[tuple[str, str]]
) -> dict[str, object]:
    from allstop.application.timeline import sentence  # noqa: PLC0415
    from allstop.protocol.rehearsal import still_owed  # noqa: PLC0415

    return {
        "ok": not wrong,
        "expectations": [
            {"text": one.text, "instead": dict(wrong).get(one.text)} for one in wanted
        ],
        "entries": [
            {
                "at": one.at.isoformat(), "stream": one.stream, "kind": one.kind, "actor": one.actor,
                "text": sentence(one),
            }
            for one in played.records
            if one.kind not in ("samples.recorded", "aftercare.looked")
        ],
        "told": [
            {"at": at.isoformat(), "to": to, "channel": channel, "subject": subject, "text": text}
            for at, to, channel, subject, text in played.told
        ],
        "refused": [
            {
                "at": one.at.isoformat(), "step": one.step.do, "by": one.step.by, "line": one.place.line,
                "reasons": [{"code": code, "text": text} for code, text, _ in one.reasons],
            }
            for one in played.refusals
        ],
        "due": [
            {"at": at.isoformat(), "id": id, "what": what} for at, id, what in still_owed(played)
        ],
    }  # fmt: skip
