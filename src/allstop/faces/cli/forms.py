"""Forms: what the protocol asks people to write down, and filling them in."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from allstop.domain.verdict import nearest
from allstop.errors import Invalid, Missing
from allstop.faces.cli.exit_codes import ProblemAnswer
from allstop.faces.cli.files import read_text
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import TIME, ago, instant, moment, written
from allstop.faces.cli.verbs import Named, verb
from allstop.faces.cli.words_given import pairs, with_command

Shape = Mapping[str, Any]
LONGEST_FILE = 2_000_000


@verb("forms", "allstop forms", "allstop forms briefing", afterwards=True)
@click.argument("form", default="", metavar="[FORM]", type=Named("form"))
def forms(session: Session, form: str, incident: str) -> None:
    """The protocol's forms: what is filed and what is missing. With a name: its fields."""
    answer = session.client.get("incidents", incident, "forms")
    found = [_named(answer.data, form)] if form else answer.data
    if session.as_json:
        session.print_value(found[0] if form else found)
        return
    page = Page()
    if form:
        _fields(page, found[0])
    else:
        now = session.now(answer)
        head = () if session.quiet else ("form", "title", "filed", "still missing")
        rows = [
            (one["id"],) if session.quiet else (one["id"], one["title"], _filed(one, now), _lacks(one))
            for one in found
        ]  # fmt: skip
        page.table(head, rows)
        if not found and not session.quiet:
            page.line("The protocol has no forms.")
    session.show(page)
    if found:
        session.advise(f"allstop fill {form or 'FORM'}")


def _named(forms: list[Shape], name: str) -> Shape:
    known = {one["id"]: one for one in forms}
    if name not in known:
        raise Missing(f"the protocol has no form {name}", nearest(name, known) or "allstop forms")
    return known[name]


def _filed(form: Shape, now: Any) -> Piece:
    at = instant(form["at"])
    if not form["number"] or at is None:
        return Piece("not yet", "dim" if form["after"] else "notice")
    again = f", {form['number']} times" if form["number"] > 1 else ""
    return Piece(f"{ago(at, now)} by {form['by'].partition(':')[2] or form['by']}{again}", "good")


def _lacks(form: Shape) -> Piece:
    if form["missing"] and form["number"]:
        return Piece(", ".join(form["missing"]), "notice")
    if form["number"]:
        return Piece("-", "dim")
    asked = [one["title"] for one in form["fields"] if one["required"] and not one["prefill"]]
    text = ", ".join(asked) or "nothing that a person must write"
    return Piece(f"{text}{' (after the stand-down)' if form['after'] else ''}", "dim")


def _fields(page: Page, form: Shape) -> None:
    page.line(Piece(form["title"], "strong"), f"  ({form['id']})")
    for one in form["fields"]:
        must = "" if one["required"] else ", may be left out"
        kind = f"one of {', '.join(one['choices'])}" if one["choices"] else one["kind"]
        filled = "" if not one["prefill"] else ", filled in from the record when left out"
        page.line(f"  {one['title']} ", Piece(f"{one['id']}: {kind}{must}{filled}", "dim"))
        for line in one["value"].splitlines():
            page.line(f"    {line}", hang=4)


@verb(
    "fill",
    "allstop fill briefing",
    'allstop fill briefing situation="checkout fails" risk="orders are lost"',
    "allstop fill post-mortem --file post-mortem.yaml",
    "allstop forms post-mortem",
    afterwards=True,
)
@click.argument("form", type=Named("form"))
@click.argument("words", nargs=-1, metavar="[FIELD=TEXT]...")
@click.option(
    "--field", "fields", multiple=True, metavar="FIELD=TEXT", help="The same, as an option."
)
@click.option(
    "--file", "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML or JSON: text by field. Words on the command line overrule it.",
)  # fmt: skip
@click.option(
    "--anew",
    is_flag=True,
    help="Forget what was filed before; else it is kept where you say nothing.",
)
def fill(
    session: Session, form: str, words: tuple[str, ...], fields: tuple[str, ...], file: Path | None,
    incident: str, *, anew: bool,
) -> None:  # fmt: skip
    """Fill in a form of the protocol and file it.

    Without fields, on a terminal, every field is asked for. What you leave out is filled in from the
    record, where the protocol says so. It may be filed again; the earlier filing stays on record.
    """
    given = _read(file) if file else {}
    given |= pairs((*words, *fields), f'allstop fill {form} situation="..."')
    shape = _named(session.client.get("incidents", incident, "forms").data, form)
    before = {} if anew else {one["id"]: one["value"] for one in shape["fields"] if one["value"]}
    if not given and sys.stdin.isatty():
        given = _ask(shape, before)
    elif not given:
        _refuse(shape, before)
    _timed(shape, given, session)
    whole = before | given
    try:
        answer = session.client.post("incidents", incident, "forms", form, body={"fields": whole})
    except ProblemAnswer as error:
        typed = (f"{name}={shlex.quote(text)}" for name, text in given.items())
        command = " ".join(("allstop fill", form, *typed))
        raise with_command(error, command, '{}="..."') from None
    number = answer.data.get("number", 1)
    again = f", for the {number}. time" if number > 1 else ""
    session.told(answer, f"{shape['title']} is filed{again}", next_command=f"allstop forms {form}")


def _refuse(form: Shape, before: Mapping[str, str]) -> None:
    """Nobody is at the terminal: the exact command, with what only a person can say."""
    asked = [one["id"] for one in form["fields"] if one["required"] and not one["prefill"]]
    wanted = [id for id in asked if id not in before] or asked[:1]
    words = " ".join(f'{shlex.quote(id)}="..."' for id in wanted) or 'FIELD="..."'
    what = ", ".join(wanted) or "one field at least"
    raise Invalid(
        f"nothing is given for {form['title']}, and nobody is at the terminal; it needs {what}",
        f"allstop fill {form['id']} {words}",
    )


def _ask(form: Shape, before: Mapping[str, str]) -> dict[str, str]:
    """Field by field; Enter keeps what was filed, or leaves it to the record."""
    click.echo(f"{safe(form['title'])}: Enter keeps what stands in brackets; Ctrl-C files nothing.")
    found: dict[str, str] = {}
    for one in form["fields"]:
        text = _asked(one, before.get(one["id"], ""))
        if text:
            found[one["id"]] = text
    return found


def _asked(field: Shape, before: str) -> str:
    told = {"list": "; between entries", "time": TIME}.get(field["kind"], "")
    choices = click.Choice(field["choices"]) if field["choices"] else None
    free = bool(before or field["prefill"] or not field["required"])
    notes = [f"({told})"] if told else []
    if not before and field["prefill"]:
        notes.append("[from the record]")
    elif not before and not field["required"]:
        notes.append("[left out]")
    elif before:
        notes.append(f"[{safe(before)}]")
    label = " ".join((safe(field["title"]), *notes))
    while True:
        text = str(click.prompt(label, default="", show_default=False)).strip()
        if choices is not None and text and text not in field["choices"]:
            click.echo(f"  one of {', '.join(field['choices'])}")
        elif text or free:
            entries = [part.strip() for part in text.split(";")]
            return "\n".join(entries) if field["kind"] == "list" else text
        else:
            click.echo("  this one is needed")


def _timed(form: Shape, given: dict[str, str], session: Session) -> None:
    """Times as people write them, in the fields that hold one."""
    for one in form["fields"]:
        text = given.get(one["id"], "")
        if one["kind"] == "time" and text:
            try:
                given[one["id"]] = written(moment(text, session.launch.now()))
            except ValueError as error:
                raise Invalid(f"{one['title']}: {error}") from None


def _read(file: Path) -> dict[str, str]:
    """Text by field out of a file. Raises Invalid with the place of the mistake."""
    from allstop.protocol.reader import plain, read  # noqa: PLC0415 - help must not load it

    text = read_text(file, LONGEST_FILE, "YAML or JSON")
    if file.suffix == ".json":
        found = _json(file, text)
    else:
        node, problems = read(text, file.name)
        if node is None or problems:
            raise Invalid(
                "\n".join(str(one) for one in problems), 'lines such as  situation: "..."'
            )
        found = plain(node)
    if not isinstance(found, dict):
        raise Invalid(f"{file} holds no fields", 'lines such as  situation: "..."')
    return {str(name): _text(value) for name, value in found.items()}


def _json(file: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file}: {error}", 'an object such as {"situation": "..."}') from None


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
