"""`allstop fleet import`: a draft of fleet.yaml out of what is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allstop.errors import Invalid
from allstop.faces.cli.new_files import write_new
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

if TYPE_CHECKING:
    from allstop.protocol.fleet_import import Imported, SourceFile

DRAFT = "fleet-draft.yaml"
# What is read in a folder; a file that is named is read whatever it is called.
ENDINGS = (
    ".yaml", ".yml", ".json", ".service", ".socket", ".target", ".timer", ".path", ".mount",
    ".slice", ".conf", ".ini",
)  # fmt: skip


@verb(
    "import",
    "allstop fleet import compose.yaml",
    "allstop fleet import /etc/systemd/system --to drafts/fleet.yaml",
    "allstop fleet import deployments.yaml supervisord.conf",
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...",
    type=click.Path(exists=True, path_type=Path),
)  # fmt: skip
@click.option(
    "--to", "target", default=Path(DRAFT), metavar="FILE", show_default=False,
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Where to write the draft; else {DRAFT} here. `-` prints it.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def import_(session: Session, files: tuple[Path, ...], target: Path, *, force: bool) -> None:
    """Make a draft of fleet.yaml out of compose files, supervisor, systemd units or Kubernetes manifests.

    What a file is shows in what it holds. A folder is read with all below it. Every value says the file and line
    it came from, or that it is assumed; what found no place is listed with its line. It is a draft: read it, say
    what is important and how each service is stopped safely, then make it your fleet.yaml.
    """
    from allstop.protocol.fleet_import import import_fleet  # noqa: PLC0415

    try:
        found = import_fleet(list(_read(files)))
    except ValueError as error:
        raise Invalid(str(error), "import a part of it at a time") from None
    if str(target) == "-":
        click.echo(found.text, nl=False)
        return
    write_new(target, found.text, force=force)
    problems = session.launch.check_fleet(target)[1]
    if session.as_json:
        session.print_value(_plain(target, found, problems))
        return
    session.show(_page(target, found, problems, quiet=session.quiet))
    session.advise(f"allstop fleet graph --file {target}")


def _plain(target: Path, found: Imported, problems: Iterable[object]) -> dict[str, object]:
    return {
        "file": str(target),
        "kinds": found.kinds,
        "placed": [
            {"path": path, "value": value, "file": file, "line": line}
            for path, value, file, line in found.placed
        ],
        "unplaced": [one._asdict() for one in found.left],
        "problems": [str(one) for one in problems],
    }


def _page(target: Path, found: Imported, problems: Iterable[object], *, quiet: bool) -> Page:
    page = Page()
    lines = len({(file, line) for _, _, file, line in found.placed})
    page.line(f"{target}: {len(found.placed)} values from {lines} lines.")
    if quiet:
        return page
    kinds = [(file, kind, "" if kind != "unknown" else "nothing of it was understood") for file, kind in found.kinds.items()]  # fmt: skip
    page.table((), kinds, indent=2)
    if found.left:
        page.title(f"Found no place ({len(found.left)})")
        rows = [
            (f"{one.file}:{_lines(one.first, one.last)}", one.label, one.why) for one in found.left
        ]
        page.table((), rows, indent=2)
    warnings = [str(one) for one in problems]
    if warnings:
        page.title(f"To be mended in the draft ({len(warnings)})")
        for one in warnings:
            page.line(Piece(one, "notice"))
    return page


def _lines(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _read(files: Iterable[Path]) -> Iterator[SourceFile]:
    """The files, and what stands in folders. Raises Invalid for what cannot be read as text."""
    from allstop.protocol.fleet_import import SourceFile  # noqa: PLC0415
    from allstop.protocol.reader import content  # noqa: PLC0415

    seen: set[Path] = set()
    for path in files:
        for file in _inside(path) if path.is_dir() else [path]:
            real = file.resolve()
            if real in seen:
                continue
            seen.add(real)
            try:
                yield SourceFile(str(file), content(file).decode("utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise Invalid(f"{file}: {reason}", "leave it out") from None


def _inside(folder: Path) -> Iterator[Path]:
    """The files of a folder and of all below it, by name; links to folders are not followed."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            if path.suffix in ENDINGS and path.is_file():
                yield path
