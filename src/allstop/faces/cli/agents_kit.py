"""Skills and plugins for agents, written into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from allstop.errors import AllstopError, Refused
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

if TYPE_CHECKING:
    from allstop.runtimes.kit import KitFile

_NAMED = 5


@verb(
    "kit",
    "allstop agents kit ./allstop-kit",
    "allstop agents kit ./allstop-kit --state /var/lib/allstop/host --program /opt/allstop/bin/allstop",
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--state", default="", metavar="DIR",
    help="Folder with the state file of the machines the kit is for; by default this machine's.",
)  # fmt: skip
@click.option(
    "--program", default="allstop", show_default=True, metavar="FILE", help="What starts Allstop on those machines."
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over files that are there and differ.")
def kit(session: Session, folder: Path, *, state: str, program: str, force: bool) -> None:
    """Write what agents are given to know Allstop: two skills, plugins for Claude Code and Codex, an extension for Gemini, lines for AGENTS.md.

    It makes halts understood, and does not enforce them: only managed settings do.
    """
    from allstop.runtimes.kit import kit_files  # noqa: PLC0415 - only this command needs it

    place = Path(state) if state else session.launch.host.folder()
    kit = kit_files(place, program)
    changed = _differing(folder, kit)
    if changed and not force:
        named = ", ".join(changed[:_NAMED]) + (" and others" if len(changed) > _NAMED else "")
        text = f"{folder} has {named} already, and nothing is written over"
        raise Refused((("exists", text, "--force, or another folder"),))
    _write(folder, kit)
    ready = (place / "state").is_file()
    if session.as_json:
        told = {"folder": str(folder.resolve()), "files": [one.path for one in kit], "state": str(place), "state_there": ready}  # fmt: skip
        session.print_value(told)
        return
    if session.quiet:
        click.echo(safe(str(folder.resolve())))
        return
    click.echo(
        safe(f"Wrote {len(kit)} files to {folder.resolve()}; its README.md says what they are for.")
    )
    if not ready:
        text = f"There is no state file in {place} here: until a host process keeps one, the plugins refuse every call."
        click.echo(safe(text), err=True)
    click.echo("Plugins make halts understood. Only managed settings enforce them.")
    session.advise("allstop agents install --help")


def _differing(folder: Path, kit: tuple[KitFile, ...]) -> list[str]:
    """What is there already under these names, and is something else."""
    return [one.path for one in kit if not _same(folder / one.path, one.content)]


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _write(folder: Path, kit: tuple[KitFile, ...]) -> None:
    try:
        for one in kit:
            path = folder / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
            path.chmod(0o755 if one.program else 0o644)
    except OSError as error:
        raise AllstopError(
            f"{error.filename or folder}: {error.strerror}", "choose a folder you may write to"
        ) from None
