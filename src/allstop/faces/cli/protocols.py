"""For people who write protocols: list, look at, check and compare them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allstop.errors import Invalid, Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import group, verb

if TYPE_CHECKING:
    from allstop.domain.policy import Protocol

_TONES = {"met": "good", "waiting": "notice", "failing": "bad", "untested": "bad"}


@group("protocol")
def protocol() -> None:
    """Look at protocols, check, compare and rehearse them.

    A protocol is a document: protocol.yaml of a project, or one of the built-in packs.
    """


@verb("list", "allstop protocol list")
def list_(session: Session) -> None:
    """The built-in protocols."""
    from allstop.protocol.inherit import packs  # noqa: PLC0415 - help must not load it

    found = [_named(name) for name in packs()]
    if session.as_json:
        rows = [{"name": one.name, "title": one.title, "extends": one.extends} for one in found]
        session.print_value(rows)
        return
    page = Page()
    if session.quiet:
        for one in found:
            page.line(one.name)
    else:
        rows_ = [(one.name, one.title, _in_short(one)) for one in found]
        page.table(("name", "title", "in short"), rows_)
    session.show(page)
    session.advise("allstop protocol show NAME")


def _in_short(one: Protocol) -> str:
    severities = ", ".join(rule.name for rule in one.severities)
    return f"{severities}; {len(one.phases)} phases; {len(one.obligations)} obligations"


@verb("show", "allstop protocol show patronus", "allstop protocol show protocol.yaml --json")
@click.argument("name", default="")
def show(session: Session, name: str) -> None:
    """What a protocol says, in short: severities, who may do what, deadlines, what is owed.

    NAME is a built-in protocol or a file; without it, the project's own.
    """
    from allstop.faces.cli.protocol_page import protocol_page  # noqa: PLC0415

    found = _named(name or str(session.project.home / "protocol.yaml"))
    if session.as_json:
        session.print_value(dataclasses.asdict(found))
    else:
        session.show(protocol_page(found))


@verb(
    "check",
    "allstop protocol check",
    "allstop protocol check roster.yaml",
    "allstop protocol check drafts/ours.yaml --alone",
)
@click.argument(
    "file", metavar="[FILE]", default=None, type=click.Path(exists=True, path_type=Path),
    required=False,
)  # fmt: skip
@click.option("--alone", is_flag=True, help="Only this protocol, without a fleet and a roster.")
def check(session: Session, file: Path | None, *, alone: bool) -> None:
    """Print every problem of the documents, with file, line and what to do.

    Exit code 2 when a coordinator would not start with them; warnings alone are no failure.
    """
    if alone:
        if file is None or file.is_dir():
            raise click.UsageError("--alone needs the file of one protocol")
        _, problems = _read_alone(str(file))
        shown: list[object] = [*problems]
        ok = not any(one.is_error for one in problems)
    else:
        home = session.project.home if file is None else _folder_of(file)
        every, ok = session.launch.check_documents(home)
        whole = file is None or file.is_dir()
        name = "" if file is None else file.name
        shown = [one for one in every if whole or getattr(one, "file", name) == name]
    if session.as_json:
        session.print_value({"ok": ok, "problems": [_plain(one) for one in shown]})
    else:
        page = Page()
        for one in shown:
            page.line(Piece(str(one), "bad" if getattr(one, "is_error", True) else "notice"))
        if not session.quiet:
            page.line(_verdict(len(shown), ok=ok, of=file.name if file else "The documents"))
        session.show(page)
    if not ok:
        raise Ended(2)


@verb(
    "schema",
    "allstop protocol schema > protocol.schema.json",
    "allstop protocol schema roster",
)
@click.argument("document", default="protocol", metavar="[protocol|fleet|roster|story]")
def schema(session: Session, document: str) -> None:
    """Print the JSON Schema of a document, for editors that complete and check while one types."""
    from allstop.protocol.rehearsal.story import StoryDocument  # noqa: PLC0415
    from allstop.protocol.schemas import json_schemas  # noqa: PLC0415

    schemas = {**_by_stem(json_schemas()), "story": StoryDocument.model_json_schema(by_alias=True)}
    if document not in schemas:
        raise Missing(f"there is no document {document}", f"one of {', '.join(schemas)}")
    session.print_value(schemas[document])


def _by_stem(schemas: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix(".yaml"): schema for name, schema in schemas.items()}


@verb(
    "diff",
    "allstop protocol diff standard patronus",
    "allstop protocol diff standard protocol.yaml",
)
@click.argument("before")
@click.argument("after")
def diff(session: Session, before: str, after: str) -> None:
    """What differs between two protocols, by what they mean. Exit code 1 when anything does."""
    from allstop.protocol.differences import differences  # noqa: PLC0415

    found = differences(_named(before), _named(after))
    if session.as_json:
        session.print_value([dataclasses.asdict(one) for one in found])
    else:
        page = Page()
        for one in found:
            page.line(Piece(one.path, "strong"))
            if one.before:
                page.line(Piece(f"  - {one.before}", "bad"))
            if one.after:
                page.line(Piece(f"  + {one.after}", "good"))
        if not session.quiet:
            page.line(f"{len(found)} differences." if found else "They say the same.")
        session.show(page)
    if found:
        raise Ended(1)


@verb("conformance", "allstop protocol conformance", "allstop protocol conformance --pack patronus")
@click.option("--pack", default="", metavar="NAME", help="Only the clauses of this protocol.")
@click.option("--open", "only_open", is_flag=True, help="Only the clauses that are not met.")
def conformance(session: Session, pack: str, *, only_open: bool) -> None:
    """The clauses of the five protocols, and what the last run of the suite said of each.

    A clause that waits for something counts as not met. Exit code 1 when one fails or has no test.
    """
    from allstop.protocol.conformance import FAILING, UNTESTED, last_run, table  # noqa: PLC0415

    run = last_run()
    rows = [one for one in table(run) if not pack or one.clause.pack == pack]
    if not rows:
        known = ", ".join(dict.fromkeys(one.clause.pack for one in table(run)))
        raise Missing(f"no clause belongs to {pack}", f"one of {known}")
    if session.as_json:
        session.print_value(
            {"at": run.at if run else None, "clauses": [dataclasses.asdict(one) for one in rows]}
        )
    else:
        page = Page()
        shown = [one for one in rows if not (only_open and one.state == "met")]
        page.table(
            ("clause", "state", "tests", "what"),
            [
                (
                    one.clause.id, Piece(one.state, _TONES[one.state]), str(one.tests),
                    one.clause.title + (f" (waiting for {one.clause.waits})" if one.clause.waits else ""),
                )
                for one in shown
            ],
        )  # fmt: skip
        met = sum(1 for one in rows if one.state == "met")
        waiting = sum(1 for one in rows if one.state == "waiting")
        when = f"run of {run.at} with Allstop {run.version}" if run else "the suite has never run"
        page.line(f"{met} of {len(rows)} met, {waiting} waiting for later steps; {when}.")
        session.show(page)
    if any(one.state in (FAILING, UNTESTED) for one in rows):
        raise Ended(1)


# --- what they share -------------------------------------------------------------------------------


def _read_alone(name: str) -> tuple[Protocol | None, tuple[Any, ...]]:
    """A protocol by its name or its file, and the problems of that alone."""
    from allstop.protocol.standalone import load_protocol  # noqa: PLC0415

    found = load_protocol(name)
    return found.protocol, found.problems


def _named(name: str) -> Protocol:
    """A protocol by its name or its file. Raises Invalid with every problem it has."""
    found, problems = _read_alone(name)
    if found is None:
        first = "\n".join(str(one) for one in problems)
        raise Invalid(f"{name} cannot be used:\n{first}", "allstop protocol list")
    return found


def _folder_of(file: Path) -> Path:
    return (file if file.is_dir() else file.parent).resolve()


def _verdict(count: int, *, ok: bool, of: str) -> Piece:
    if not ok:
        return Piece(f"{count} problems; a coordinator does not start with these documents.", "bad")
    return Piece(
        f"{of}: nothing wrong." if not count else f"{of}: {count} warnings, no error.", "good"
    )


def _plain(problem: object) -> object:
    if dataclasses.is_dataclass(problem) and not isinstance(problem, type):
        return dataclasses.asdict(problem)
    return str(problem)


def _add_all() -> None:
    from allstop.faces.cli.confirming import confirm, confirmed  # noqa: PLC0415
    from allstop.faces.cli.importing import import_  # noqa: PLC0415
    from allstop.faces.cli.rehearsing import rehearse  # noqa: PLC0415

    for command in (
        list_, show, check, schema, diff, rehearse, conformance, import_, confirm, confirmed,
    ):  # fmt: skip
        protocol.add_command(command)


_add_all()
