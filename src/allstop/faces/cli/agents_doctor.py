"""Whether a halt would hold the clients of agents on this machine: `allstop agents doctor` and `test`."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

if TYPE_CHECKING:
    from allstop.runtimes.doctor import Finding

RUNTIMES = ("claude", "codex", "gemini", "copilot")
_TONES = {"ok": "good", "warn": "notice", "fail": "bad", "note": "dim"}
_RUNTIME = click.option(
    "--runtime", "runtimes", multiple=True, type=click.Choice(RUNTIMES),
    help="Which client; repeatable. By default each that is found here.",
)  # fmt: skip
_PATH = click.option(
    "--path", "paths", multiple=True, metavar="RUNTIME=FILE",
    help="Where a client is that is not on PATH; repeatable.",
)  # fmt: skip


@verb(
    "doctor",
    "allstop agents doctor",
    "allstop agents doctor --runtime claude --path claude=/opt/claude/claude",
    "allstop agents doctor --json | jq '.[] | select(.state==\"fail\")'",
)
@_RUNTIME
@_PATH
@click.option("--no-bypasses", is_flag=True, help="Try the hook alone, not the ways around it.")
@click.option(
    "--root", default="/", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look at settings below this folder; clients are then not tried.",
)  # fmt: skip
def doctor(
    session: Session, *, runtimes: tuple[str, ...], paths: tuple[str, ...], no_bypasses: bool, root: Path
) -> None:  # fmt: skip
    """Prove that a halt would hold the clients on this machine, and name every way around it that is open.

    Each client is started in a clean home, under the hook that is installed, against a model on loopback: once while
    nothing stands, once under a halt of its own, then once for each way around the hook. No account and no network is
    needed, and nothing on the machine changes. Exit code 0 only when enforcement was proven and nothing was found open.
    """
    from allstop.runtimes.doctor import Doctor  # noqa: PLC0415 - brings a server with it
    from allstop.runtimes.installed_files import Place  # noqa: PLC0415 - as above
    from allstop.runtimes.installing import known  # noqa: PLC0415 - as above

    programs = _programs(runtimes, paths)

    def place(scope: str) -> Place:
        return Place(scope, Path.home(), os.environ, session.launch.host.folder(), root.resolve())

    def ask_host(folder: Path) -> dict[str, Any]:
        return session.launch.host.call(folder, {"ask": "status"})

    looking = Doctor(place, ask_host, lambda text: _progress(session, text), not no_bypasses)
    found: list[Finding] = []
    for name, program in programs.items():
        found += looking.look(known(name), program)
    if not found:
        raise click.UsageError(
            f"none of {', '.join(RUNTIMES)} is on PATH; say where: --path claude=/where/it/is"
        )
    if session.as_json:
        session.print_value([asdict(one) for one in found])
    else:
        _show(session, found)
    if any(one.state == "fail" for one in found):
        raise Ended(1)


def _show(session: Session, found: list[Finding]) -> None:
    page = Page()
    for client in dict.fromkeys(one.client for one in found):
        mine = [one for one in found if one.client == client]
        bad = sum(1 for one in mine if one.state == "fail")
        verdict = (
            Piece("enforcement is NOT proven", "bad") if bad else Piece("enforced: proven", "good")
        )
        page.title(client)
        page.line("  ", verdict)
        shown = [one for one in mine if one.state in ("fail", "warn") or not session.quiet]
        page.table(
            (),
            [
                (
                    Piece(one.state, _TONES[one.state]),
                    one.check,
                    f"{one.text} -> {one.hint}" if one.hint else one.text,
                )
                for one in shown
            ],
            indent=2,
        )
    session.show(page)


@verb(
    "test",
    "allstop agents test",
    "allstop agents test --runtime gemini --json",
)
@_RUNTIME
@_PATH
def test(session: Session, *, runtimes: tuple[str, ...], paths: tuple[str, ...]) -> None:
    """Try how the clients on this machine take a hook that fails, in each way it can, and the gate.

    Needs no account, no network and no installation; takes a minute or two for each client. Exit code 0 when every
    client was refused by the gate; what other answers of a hook do is told, and differs from version to version.
    """
    from allstop.runtimes.failure_table import tried  # noqa: PLC0415 - brings a server with it

    rows = []
    for name, program in _programs(runtimes, paths).items():
        if program is None:
            raise click.UsageError(f"{name} is not on PATH; say where: --path {name}=/where/it/is")
        rows.append(tried(name, program, lambda text: _progress(session, text)))
    if not rows:
        raise click.UsageError(f"none of {', '.join(RUNTIMES)} is on PATH; say where with --path")
    if session.as_json:
        session.print_value([asdict(one) for one in rows])
    else:
        page = Page()
        for one in rows:
            page.title(f"{one.title} {one.version}")
            page.table(
                ("the hook", "the tool call", "the loop"),
                [
                    (
                        row.title,
                        Piece("RUNS", "bad") if row.ran else Piece("refused", "good"),
                        "ends" if row.ended else "goes on",
                    )
                    for row in one.rows
                ],
                indent=2,
            )
        session.show(page)
    if any(one.gate_ran for one in rows):
        raise Ended(1)


def _programs(
    runtimes: tuple[str, ...], paths: tuple[str, ...]
) -> dict[str, tuple[str, ...] | None]:
    """The words that start each client: those asked for, else those that are there."""
    given: dict[str, str] = {}
    for one in paths:
        name, _, file = one.partition("=")
        if name not in RUNTIMES or not file:
            raise click.UsageError(f"--path {one}: it is --path claude=/where/it/is")
        if not os.access(file, os.X_OK) or Path(file).is_dir():
            raise click.UsageError(f"--path {one}: there is no program")
        given[name] = str(Path(file).absolute())
    found: dict[str, tuple[str, ...] | None] = {}
    for name in runtimes or RUNTIMES:
        file = given.get(name) or shutil.which(name) or ""
        if file or runtimes:
            found[name] = (file,) if file else None
    return found


def _progress(session: Session, text: str) -> None:
    """Beside the answer, for whoever waits at a terminal."""
    if sys.stderr.isatty() and not (session.quiet or session.as_json):
        click.echo(safe(f"trying {text} ..."), err=True)
