"""`allstop protocol import`: a draft out of a Markdown protocol."""

from __future__ import annotations

from pathlib import Path

import click

from allstop.errors import AllstopError, Invalid, Refused
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb


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
    with its line. It is a draft: read it, mend it, then extend it or adopt it.
    """
    from allstop.protocol.importing import import_markdown  # noqa: PLC0415
    from allstop.protocol.standalone import load_protocol  # noqa: PLC0415

    try:
        found = import_markdown(file.read_text("utf-8"), name)
    except (OSError, ValueError) as error:
        raise Invalid(f"{file}: {error}", "it must be Markdown in UTF-8") from None
    if str(target) == "-":
        click.echo(found.text, nl=False)
        return
    target = target or Path(f"{found.name}.yaml")
    _write(target, found.text, force=force)
    problems = load_protocol(target).problems
    if session.as_json:
        session.print_value(
            {
                "file": str(target),
                "placed": [{"path": p, "value": v, "line": n} for p, v, n in found.placed],
                "unplaced": [{"line": line, "text": text} for line, text in found.unplaced],
                "problems": [str(one) for one in problems],
            }
        )
        return
    page = Page()
    lines = len({line for _, _, line in found.placed})
    page.line(f"{target}: {len(found.placed)} values from {lines} lines of {file.name}.")
    if found.unplaced and not session.quiet:
        page.title(f"Found no place ({len(found.unplaced)})")
        page.table((), [(f"line {line}", text) for line, text in found.unplaced], indent=2)
    if problems:
        page.title(f"To be mended in the draft ({len(problems)})")
        for one in problems:
            page.line(Piece(str(one), "bad" if one.is_error else "notice"))
    session.show(page)
    session.advise(f"allstop protocol check {target} --alone")


def _write(target: Path, text: str, *, force: bool) -> None:
    if target.exists() and not force:
        raise Refused((("exists", f"{target} exists already", "--force, or --to another file"),))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    except OSError as error:
        raise AllstopError(
            f"{target}: {error.strerror}", "choose another place with --to"
        ) from None
