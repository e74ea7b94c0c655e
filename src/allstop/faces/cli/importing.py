"""`allstop protocol import`: a draft out of a Markdown protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from allstop.errors import AllstopError, Invalid, Refused
from allstop.faces.cli.files import read_text, write
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

if TYPE_CHECKING:
    from allstop.protocol.importing import Imported
    from allstop.protocol.problems import Problem

LONGEST_FILE = 1_000_000


@verb(
    "import",
    "allstop protocol import SKILL.md",
    "allstop protocol import runbook.md --to drafts/ours.yaml --name ours",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", "target", default=None, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the draft; else NAME.yaml here. `-` prints it.",
)  # fmt: skip
@click.option("--name", default="", metavar="NAME", help="Name of the protocol.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def import_(session: Session, file: Path, target: Path | None, name: str, *, force: bool) -> None:
    """Make a draft protocol out of a Markdown text, such as a runbook or a skill file.

    Severity tables, trigger phrases, roles, phases with their checklists, stand-down criteria, templates
    and follow-ups are looked for. Every value says the line it came from; what found no place is listed
    with its lines. It is a draft: read it, mend it, then extend it or adopt it.
    """
    from allstop.protocol.importing import import_markdown  # noqa: PLC0415 - help must not load it
    from allstop.protocol.standalone import load_protocol  # noqa: PLC0415

    text = read_text(file, LONGEST_FILE, "Markdown")
    try:
        found = import_markdown(text, name)
    except ValueError as error:
        raise Invalid(f"{file}: {error}", "it must be Markdown in UTF-8") from None
    if str(target) == "-":
        click.echo(found.text, nl=False)
        return
    target = target or Path(f"{found.name}.yaml")
    _keep(target, found.text, force=force)
    problems = load_protocol(target, session.launch.now().date()).problems
    if session.as_json:
        session.print_value(_plain(found, target, problems))
        return
    session.show(_page(found, file, target, problems, quiet=session.quiet))
    session.advise(f"allstop protocol check {target} --alone")


def _keep(target: Path, text: str, *, force: bool) -> None:
    if target.exists() and not force:
        raise Refused((("exists", f"{target} exists already", "--force, or --to another file"),))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AllstopError(
            f"{target}: {error.strerror}", "choose another place with --to"
        ) from None
    write(target, text.encode(), "--to")


def _plain(found: Imported, target: Path, problems: tuple[Problem, ...]) -> dict[str, object]:
    left = zip(found.unplaced, found.ranges, strict=True)
    return {
        "file": str(target),
        "placed": [{"path": p, "value": v, "line": n} for p, v, n in found.placed],
        "unplaced": [
            {"line": line, "last": last, "text": text} for (line, text), (_, last) in left
        ],
        "ranges": [list(where) for where in found.ranges],
        "problems": [str(one) for one in problems],
    }


def _page(
    found: Imported, file: Path, target: Path, problems: tuple[Problem, ...], *, quiet: bool
) -> Page:
    page = Page()
    values = len({path for path, _, _ in found.placed})
    lines = len({line for _, _, line in found.placed})
    page.line(f"{target}: {_count(values, 'value')} from {_count(lines, 'line')} of {file.name}.")
    if found.unplaced and not quiet:
        page.title(f"Found no place ({len(found.unplaced)})")
        left = zip(found.unplaced, found.ranges, strict=True)
        page.table((), [(_lines(*where), text) for (_, text), where in left], indent=2)
    if problems:
        page.title(f"To be mended in the draft ({len(problems)})")
        for one in problems:
            page.line(Piece(str(one), "bad" if one.is_error else "notice"))
    return page


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _lines(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first}-{last}"
