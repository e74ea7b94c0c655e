"""`allstop fleet`: the fleet as a document and as a whole."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allstop.errors import Refused
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.fleet_importing import import_
from allstop.faces.cli.fleet_source import Source, find, places
from allstop.faces.cli.layout import plain
from allstop.faces.cli.new_files import write_new
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session, columns
from allstop.faces.cli.verbs import Named, group, verb

if TYPE_CHECKING:
    from allstop.application.fleet_pictures.picture import Picture

FLEET = "fleet.yaml"
# Playbooks, and what of theirs is about the fleet: names nobody has, and what no service offers.
PLAYBOOKS, OF_FLEET = ("playbooks/", "built-in/"), ("AP044", "AP046", "AP185", "AP186")
# What a terminal is taken for that is none: files and pipes.
USUAL_COLUMNS = 80
# More boxes than that nobody reads, and laying them out takes long.
MOST_BOXES = 1_500


@group("fleet")
def fleet() -> None:
    """The services as a whole: check and draw them, see what is lost with one, import them.

    The fleet is a document, fleet.yaml; see docs/fleet/README.md.
    """


@verb(
    "check",
    "allstop fleet check",
    "allstop fleet check drafts/fleet.yaml",
)
@click.argument(
    "file", metavar="[FILE]", default=None, required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
def check(session: Session, file: Path | None) -> None:
    """Print every problem of fleet.yaml, and of what playbooks want of it, with line, column and what to do.

    FILE is another fleet document, such as a draft; without a protocol beside it, it is checked alone.
    Exit code 2 when it has errors; warnings alone are no failure.
    """
    named = file or session.project.home / FLEET
    if file is None or (file.name == FLEET and (file.parent / "protocol.yaml").exists()):
        every, _ = session.launch.check_documents(named.parent.resolve())
        found = [one for one in every if _concerns(one)]
    else:
        found = list(session.launch.check_fleet(named)[1])
    errors = sum(1 for one in found if getattr(one, "is_error", True))
    if session.as_json:
        shown = [dataclasses.asdict(one) for one in found if dataclasses.is_dataclass(one) and not isinstance(one, type)]  # fmt: skip
        session.print_value({"ok": not errors, "problems": shown})
    else:
        page = Page()
        for one in found:
            page.line(Piece(str(one), "bad" if getattr(one, "is_error", True) else "notice"))
        if not session.quiet:
            page.line(_verdict(named.name, errors, len(found) - errors))
        session.show(page)
    if errors:
        raise Ended(2)


def _concerns(problem: object) -> bool:
    """Whether a problem is the fleet's, or of a playbook that wants something of the fleet."""
    if getattr(problem, "file", FLEET) == FLEET:
        return True
    return str(getattr(problem, "file", "")).startswith(PLAYBOOKS) and (
        getattr(problem, "code", "") in OF_FLEET
    )


def _verdict(name: str, errors: int, warnings: int) -> Piece:
    if errors:
        told = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        return Piece(f"{name}: {told}; a coordinator does not start with it.", "bad")
    told = f"{_count(warnings, 'warning')}, no error" if warnings else "nothing wrong"
    return Piece(f"{name}: {told}.", "good")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@verb("show", "allstop fleet show", "allstop fleet show payments", "allstop fleet show --json")
@click.argument("name", metavar="[SERVICE]", default="", type=Named("service"))
@places
def show(session: Session, name: str, file: Path | None, *, documents: bool) -> None:
    """The services by category: how important, what can be done to them and what is missing for a safe stop.

    With a name: that service, what it needs, who needs it, and what is lost with it.
    """
    from allstop.faces.cli.fleet_page import lost, one_service, overview  # noqa: PLC0415

    source = find(session, file, documents=documents)
    page = Page()
    if name:
        one, radius = source.service(name), source.blast_radius([name])
        value: object = {
            "service": dataclasses.asdict(one), "blast_radius": dataclasses.asdict(radius),
        }  # fmt: skip
        one_service(page, one, radius)
        page.blank()
        lost(page, radius)
    else:
        value = dataclasses.asdict(source.view)
        overview(page, source.view)
    if session.as_json:
        session.print_value(value)
        return
    if session.quiet:
        page = Page()
        for each in [source.service(name)] if name else source.view.services:
            page.line(each.name)
    _end(session, source, page)


@verb(
    "blast-radius",
    "allstop fleet blast-radius ledger",
    "allstop fleet blast-radius dns queue --json",
)
@click.argument("names", metavar="SERVICE...", nargs=-1, required=True, type=Named("service"))
@places
def blast_radius(
    session: Session, names: tuple[str, ...], file: Path | None, *, documents: bool
) -> None:
    """Who is broken without these services, who is degraded, which functions are lost, and why."""
    from allstop.faces.cli.fleet_page import lost  # noqa: PLC0415

    source = find(session, file, documents=documents)
    radius = source.blast_radius(names)
    if session.as_json:
        session.print_value(dataclasses.asdict(radius))
        return
    page = Page()
    if session.quiet:
        for one in radius.broken:
            page.line(one.service)
    else:
        lost(page, radius)
    _end(session, source, page)


def _end(session: Session, source: Source, page: Page) -> None:
    session.show(page)
    if source.note and not session.quiet:
        click.echo(source.note, err=True)


@verb(
    "graph",
    "allstop fleet graph",
    "allstop fleet graph --around payments",
    "allstop fleet graph --format svg --to fleet.svg",
)
@click.option(
    "--format", "form", default="text", type=click.Choice(["text", "mermaid", "dot", "svg"]),
    help="What to draw it for; text is for the terminal.",
)  # fmt: skip
@click.option(
    "--around", multiple=True, metavar="SERVICE", type=Named("service"),
    help="Only this service, what it needs and who needs it; may be repeated.",
)  # fmt: skip
@click.option(
    "--to", "target", default=None, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@places
def graph(
    session: Session, form: str, around: tuple[str, ...], target: Path | None, file: Path | None,
    *, force: bool, documents: bool,
) -> None:  # fmt: skip
    """Draw who needs whom: whoever stands higher stops earlier."""
    from allstop.application.fleet_pictures.picture import picture_of  # noqa: PLC0415

    source = find(session, file, documents=documents)
    for name in around:
        source.service(name)
    picture = picture_of(source.view.services, around)
    if form in ("text", "svg") and len(picture.boxes) > MOST_BOXES:
        text = f"{len(picture.boxes)} services are more than a drawing can show"
        raise Refused((("too-many", text, "--around SERVICE, or --format dot"),))
    if session.as_json:
        session.print_value(dataclasses.asdict(picture))
        return
    if form != "text":
        _hand_out(session, _markup(form)(picture), target, force=force)
    elif target is not None:
        _hand_out(session, plain(_drawn(picture), USUAL_COLUMNS), target, force=force)
    else:
        _end(session, source, _drawn(picture, columns() or USUAL_COLUMNS, fine=_fine()))


def _drawn(picture: Picture, width: int = USUAL_COLUMNS, *, fine: bool = True) -> Page:
    """The picture in letters. Of no service there is none, and that is said."""
    from allstop.faces.cli.fleet_page import NONE  # noqa: PLC0415
    from allstop.faces.cli.graph_text import draw_text  # noqa: PLC0415

    if picture.boxes:
        return draw_text(picture, width, fine=fine)
    page = Page()
    page.line(NONE)
    return page


def _markup(form: str) -> Callable[[Picture], str]:
    from allstop.application.fleet_pictures import markup, svg  # noqa: PLC0415

    return {"mermaid": markup.mermaid, "dot": markup.dot, "svg": svg.svg}[form]


def _fine() -> bool:
    """Whether the letters for drawing can be written where this goes."""
    try:
        "│●╌┛".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _hand_out(session: Session, text: str, target: Path | None, *, force: bool) -> None:
    if target is None or str(target) == "-":
        click.echo(text, nl=False)
        return
    write_new(target, text, force=force)
    if not session.quiet:
        click.echo(f"{target}: written.")


for command in (check, show, graph, blast_radius, import_):
    fleet.add_command(command)
