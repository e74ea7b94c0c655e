"""For people who write protocols: list, look at, check and compare them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allstop.errors import Invalid, Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.protocol_given import protocol_given, read_alone
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import group, verb

if TYPE_CHECKING:
    from allstop.domain.policy import Protocol

DOCUMENTS = ("protocol.yaml", "fleet.yaml", "roster.yaml")
# Each file in it is a playbook.
FOLDER = "playbooks"


@group("protocol")
def protocol() -> None:
    """Look at protocols, check, compare and rehearse them.

    A protocol is a document: protocol.yaml of a project, or one of the built-in packs.
    """


@verb("list", "allstop protocol list")
def list_(session: Session) -> None:
    """The built-in protocols."""
    from allstop.protocol.inherit import packs  # noqa: PLC0415 - help must not load it

    found = [protocol_given(session, name) for name in packs()]
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
    session.show(page, folded=True)
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

    found = protocol_given(session, name or str(session.project.home / "protocol.yaml"))
    if session.as_json:
        session.print_value(dataclasses.asdict(found))
    else:
        session.show(protocol_page(found), folded=True)


@verb(
    "check",
    "allstop protocol check",
    "allstop protocol check roster.yaml",
    "allstop protocol check playbooks/trading.yaml",
    "allstop protocol check drafts/ours.yaml --alone",
)
@click.argument(
    "file", metavar="[FILE]", default=None, type=click.Path(exists=True, path_type=Path),
    required=False,
)  # fmt: skip
@click.option("--alone", is_flag=True, help="Only this protocol, without a fleet and a roster.")
def check(session: Session, file: Path | None, *, alone: bool) -> None:
    """Print every problem of the documents, with file, line and what to do.

    FILE is a project folder, or one of its documents or playbooks, whose problems alone are printed then. Exit code 2
    when a coordinator would not take them; warnings alone are no failure.
    """
    if alone:
        if file is None or file.is_dir():
            raise click.UsageError("--alone needs the file of one protocol")
        problems = read_alone(session, str(file)).problems
        shown: list[object] = [*problems]
        ok = not any(one.is_error for one in problems)
    else:
        played = file is not None and file.parent.name == FOLDER and file.suffix == ".yaml"
        if file is not None and not file.is_dir() and file.name not in DOCUMENTS and not played:
            text = f"{file} is none of {', '.join(DOCUMENTS)}"
            raise Invalid(text, f"for a protocol by itself: allstop protocol check {file} --alone")
        home = session.project.home if file is None else _folder_of(file)
        every, ok = session.launch.check_documents(home.parent if played else home)
        name = "" if file is None or file.is_dir() else file.name
        name = f"{FOLDER}/{name}" if played else name
        # What is wrong with a built-in playbook, as it is played here, stands at its own place.
        shown = [
            one
            for one in every
            if not name
            or getattr(one, "file", name) == name
            or (played and getattr(one, "file", "").startswith("built-in/"))
        ]
    if session.as_json:
        session.print_value({"ok": ok, "problems": [_plain(one) for one in shown]})
    else:
        page = Page()
        for one in shown:
            page.line(Piece(str(one), "bad" if getattr(one, "is_error", True) else "notice"))
        if not session.quiet:
            page.line(_verdict(shown, file, ok=ok))
        session.show(page)
    if not ok:
        raise Ended(2)


@verb(
    "schema",
    "allstop protocol schema > protocol.schema.json",
    "allstop protocol schema roster",
)
@click.argument("document", default="protocol", metavar="[protocol|fleet|roster|playbook|story]")
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


# --- what they share -------------------------------------------------------------------------------


def _folder_of(file: Path) -> Path:
    return (file if file.is_dir() else file.parent).resolve()


def _verdict(shown: list[object], file: Path | None, *, ok: bool) -> Piece:
    """The last line. shown: the problems that were printed; ok: whether the documents could be taken."""
    of, them = (file.name, "it") if file else ("The documents", "them")
    errors = sum(1 for one in shown if getattr(one, "is_error", True))
    warnings = _count(len(shown) - errors, "warning")
    if errors:
        told = f"{of}: {_count(errors, 'error')}, {warnings}; a coordinator does not take {them}."
    elif not ok:
        told = f"{of}: {warnings}, no error here, but in another document: allstop protocol check"
    else:
        told = f"{of}: {warnings}, no error." if shown else f"{of}: nothing wrong."
    return Piece(told, "good" if ok else "bad")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plain(problem: object) -> object:
    if dataclasses.is_dataclass(problem) and not isinstance(problem, type):
        return dataclasses.asdict(problem)
    return str(problem)


def _add_all() -> None:
    from allstop.faces.cli.comparing import conformance, diff  # noqa: PLC0415
    from allstop.faces.cli.confirming import confirm, confirmed  # noqa: PLC0415
    from allstop.faces.cli.importing import import_  # noqa: PLC0415
    from allstop.faces.cli.rehearsing import rehearse  # noqa: PLC0415

    for command in (
        list_, show, check, schema, diff, rehearse, conformance, import_, confirm, confirmed,
    ):  # fmt: skip
        protocol.add_command(command)


_add_all()
