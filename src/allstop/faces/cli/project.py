"""A project folder: made, and its documents checked."""

from __future__ import annotations

import os
import platform
import pwd
from pathlib import Path

import click

from allstop import __version__
from allstop.errors import AllstopError, Missing, Refused
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb


@verb("init", "allstop init", "allstop init ops/incidents")
@click.argument(
    "folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path)
)
def init(session: Session, folder: Path) -> None:
    """Make a project folder with documents to begin with.

    You become the first person on the roster, able to hold every role. Nothing is overwritten.
    """
    from allstop.protocol.starter import starter  # noqa: PLC0415 - `version` does not need it

    texts = starter(folder.resolve().name, _login())
    there = [name for name in texts if (folder / name).exists()]
    if there:
        reason = f"{folder} has {', '.join(there)} already, and nothing is overwritten"
        raise Refused((("exists", reason, f"allstop --home {folder} protocol check"),))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise AllstopError(
            f"{error.filename or folder}: {error.strerror}", "choose a folder you may write to"
        ) from None
    if session.as_json:
        session.print_value({"home": str(folder.resolve()), "files": sorted(texts)})
    elif not session.quiet:
        click.echo(f"Made {', '.join(sorted(texts))} in {folder.resolve()}.")
    session.advise(
        "allstop up --detach" if folder == Path() else f"cd {folder} && allstop up --detach"
    )


def _login() -> str:
    """The name of this user as the coordinator will see it at the other end of the socket."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Missing(
            f"the user {os.geteuid()} has no name on this system", "run it as a user with a login"
        ) from None


@verb("version", "allstop version")
def version(session: Session) -> None:
    """Print the version."""
    if session.as_json:
        session.print_value({"version": __version__, "python": platform.python_version()})
    else:
        click.echo(
            __version__
            if session.quiet
            else f"allstop {__version__} (Python {platform.python_version()})"
        )
