"""A project folder: made, and its documents checked."""

from __future__ import annotations

import dataclasses
import os
import platform
import pwd
from pathlib import Path

import click

from allstop import __version__
from allstop.errors import AllstopError, Missing, Refused
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
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


@click.group("protocol", context_settings={"help_option_names": ["-h", "--help"]})
def protocol() -> None:
    """Check the documents."""


@verb(
    "check",
    "allstop protocol check",
    "allstop protocol check roster.yaml",
    "allstop protocol check --json",
)
@click.argument(
    "file",
    metavar="[FILE]",
    default=None,
    type=click.Path(exists=True, path_type=Path),
    required=False,
)
def check(session: Session, file: Path | None) -> None:
    """Print every problem of the documents, with file, line and what to do.

    Exit code 2 when a coordinator would not start with them; warnings alone are no failure.
    """
    home = (
        session.project.home if file is None else (file if file.is_dir() else file.parent).resolve()
    )
    problems, ok = session.launch.check_documents(home)
    shown = [
        one
        for one in problems
        if file is None or file.is_dir() or getattr(one, "file", file.name) == file.name
    ]
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


protocol.add_command(check)


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
