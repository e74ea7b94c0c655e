"""The process on a machine with agents, as a person there sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from allstop.errors import Invalid
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import VerbGroup, verb

Shape = Mapping[str, Any]
_FOLDER = click.option(
    "--folder", default="", metavar="DIR", help="Where its files are; by default /var/lib/allstop/host for root."
)  # fmt: skip


def _folder(session: Session, given: str) -> Path:
    return Path(given).resolve() if given else session.launch.host.folder()


@verb("host", "allstop host", "allstop host status --json")
@_FOLDER
def _host(session: Session, folder: str) -> None:
    """The process on a machine with agents: what stands here, who is held; join, run, halt without a coordinator."""
    _status(session, folder)


@verb("status", "allstop host status", "allstop host status --json")
@_FOLDER
def status(session: Session, folder: str) -> None:
    """What stands on this machine. Reads only: it orders and lifts nothing."""
    _status(session, folder)


def _status(session: Session, folder: str) -> None:
    asked = {"ask": "status", "sessions": True}
    found = session.launch.host.call(_folder(session, folder), asked)
    if session.as_json:
        found.pop("ok", None)
        session.print_value(found)
        return
    page = Page()
    heard = (
        Piece("heard", "good")
        if found["connected"]
        else Piece(f"NOT HEARD: {found['fault']}", "bad")
    )
    page.line(
        f"{found['host']}: coordinator {found['coordinator']} ", heard, f", order {found['seq']}"
    )
    lease = found["lease"]
    if lease["policy"] == "closed":
        page.line(f"  lease: nothing runs without the coordinator; {lease['seconds_left']} s left")
    if found["halts"]:
        page.table(
            ("halt", "incident", "severity", "blocks", "scope", "refused calls"),
            [_halt(one) for one in found["halts"]],
        )
    else:
        page.line("  Nothing is halted here.")
    if found["agents"]:
        page.table(
            ("agent", "team", "work tree", "group"),
            [_agent(one, found["frozen"]) for one in found["agents"]],
        )
    _sessions(page, found)
    for one in found["refused"][-5:]:
        page.line(
            Piece(f"  refused {one['code']}: {one['because']}", "warn"), f" ({one['at'][:19]}Z)"
        )
    session.show(page)


def _sessions(page: Page, found: Shape) -> None:
    """The sessions of clients that were heard of in the last quarter of an hour; a host process of before tells none."""
    sessions = found.get("sessions", [])
    if sessions:
        head = ("session", "client", "agent", "last", "folder", "resume with")
        page.table(head, [_session(one) for one in sessions])
    if found.get("forgotten"):
        more = f"  {found['forgotten']} more sessions were told of than are remembered; somebody may be flooding the spool"
        page.line(Piece(more, "warn"))


def _session(one: Shape) -> tuple[str, ...]:
    ago = "" if one["seconds_ago"] is None else f" {one['seconds_ago']}s ago"
    last = f"{one['last'] or one['status'] or 'runs'}{ago}"
    return (
        one["session"], one["runtime"], one["agent"] or "-", last, one["folder"] or "-",
        one["resume"] or "-",
    )  # fmt: skip


def _halt(one: Shape) -> tuple[str, ...]:
    return (
        one["id"], one["incident"], one["severity"], ",".join(one["classes"]), one["scope"],
        str(one["refused_calls"]),
    )  # fmt: skip


def _agent(one: Shape, frozen: list[Shape]) -> tuple[str, ...]:
    state = next(
        (
            "frozen" if two["done"] else "NOT FROZEN"
            for two in frozen
            if two["agent"] == one["agent"]
        ),
        "",
    )
    group = "in a group" if one["group"] else "no group"
    return (
        one["agent"],
        one["team"],
        one["worktree"] or "-",
        f"{group}{', ' + state if state else ''}",
    )


@verb("run", "allstop host run", "allstop host run --folder /srv/allstop")
@_FOLDER
def run(session: Session, folder: str) -> None:
    """Follow the coordinator's orders until told to stop. One process per machine; a service manager starts it."""
    code = session.launch.host.run(_folder(session, folder))
    if code:
        raise Ended(code)


@verb(
    "join",
    "allstop host join --to https://allstop.example.org --token-file token",
    "allstop host join --to https://allstop.example.org --token-file token --key 3f2a9c0d11e87b54 --release-key ada.pub",
)
@click.option("--to", "coordinator", required=True, metavar="URL", help="The coordinator.")
@click.option(
    "--name",
    default="",
    metavar="NAME",
    help="This machine's name; by default its short host name.",
)
@click.option(
    "--token-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="As `allstop hosts enrol` printed it.",
)
@click.option(
    "--key",
    default="",
    metavar="KEY-ID",
    help="The coordinator's key, compared before it is trusted.",
)
@click.option(
    "--release-key",
    "release_keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Public key of somebody who may sign releases; repeatable.",
)
@_FOLDER
def join(
    session: Session,
    *,
    coordinator: str,
    name: str,
    token_file: Path,
    key: str,
    release_keys: tuple[Path, ...],
    folder: str,
) -> None:
    """Let this machine take a coordinator's orders. Pins its keys; what stands here goes on to stand."""
    host = session.launch.host
    token = token_file.read_text("utf-8", "replace").strip()
    if len(token.split()) != 1 or not token.isascii() or not token.isprintable():
        raise Invalid(f"{token_file} holds no token", "allstop hosts enrol NAME prints one")
    found = host.join(
        _folder(session, folder),
        coordinator.rstrip("/"),
        name or host.name(),
        token,
        key,
        release_keys,
    )
    if session.as_json:
        session.print_value(found)
        return
    if session.quiet:
        click.echo(safe(found["host"]))
        return
    click.echo(
        safe(f"{found['host']} takes orders of {coordinator}; its files are in {found['folder']}")
    )
    for one in found["keys"]:
        click.echo(safe(f"  {one['kind']} key {one['key']} ({one['owner']})"))
    if not key:
        click.echo(
            "  The coordinator's key was taken as it was told. Compare it with `allstop hosts` there."
        )
    session.advise("allstop host run")


@verb(
    "halt",
    "allstop host halt",
    "allstop host halt --scope repository:/srv/shop --tools write,exec",
    "allstop host halt --signed halt.json",
)
@click.option(
    "--scope",
    default="all",
    show_default=True,
    metavar="SCOPE",
    help="all, team:, agent:, session:, repository: or host:.",
)
@click.option(
    "--tools",
    default="",
    metavar="CLASSES",
    help="Only these classes of tools, such as write,exec.",
)
@click.option("--hard", is_flag=True, help="Everything but reporting.")
@click.option(
    "--signed", default=None, metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="As `allstop halt --sign KEYFILE` printed it, with a release key that is pinned here.",
)  # fmt: skip
@_FOLDER
def halt(
    session: Session, scope: str, tools: str, folder: str, *, hard: bool, signed: Path | None
) -> None:
    """Halt agents on this machine, without a coordinator. Stands until it is lifted here."""
    if signed is not None:
        if hard or tools or scope != "all":
            raise click.UsageError(
                "what is halted stands in the file; leave --scope, --tools and --hard out"
            )
        request = {"do": "halt", "signed": _statement(signed, "allstop halt --sign KEYFILE")}
        found = session.launch.host.call(_folder(session, folder), request)
        text = f"{found['halt']} stands on this machine, as it was signed"
        _told(session, found, text, str(found["halt"]))
        session.advise("allstop host")
        return
    classes = ["hard"] if hard else [one for one in tools.split(",") if one]
    found = session.launch.host.call(
        _folder(session, folder), {"do": "halt", "scope": scope, "classes": classes}
    )
    _told(session, found, f"{found['halt']} stands on this machine: {scope}", str(found["halt"]))
    session.advise(f"allstop host lift {found['halt']}")


@verb(
    "lift",
    "sudo allstop host lift LOCAL-build-7-1",
    "allstop host lift LOCAL-build-7-1 --signed release.json",
)
@click.argument("halt", metavar="HALT")
@click.option(
    "--signed",
    "statements",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Release statement signed with a pinned release key; repeatable.",
)
@_FOLDER
def lift(session: Session, halt: str, statements: tuple[Path, ...], folder: str) -> None:
    """End a halt that was ordered on this machine. Root may, and whoever holds a pinned release key."""
    read = [_statement(path) for path in statements]
    found = session.launch.host.call(
        _folder(session, folder), {"do": "lift", "halt": halt, "statements": read}
    )
    _told(session, found, f"{halt} is lifted on this machine", halt)


def _statement(path: Path, hint: str = "allstop key sign --help") -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{path} is no signed statement: {error}", hint) from error


def _told(session: Session, found: Shape, text: str, name: str) -> None:
    if session.as_json:
        session.print_value({key: value for key, value in found.items() if key != "ok"})
    else:
        click.echo(safe(name if session.quiet else text))


host = VerbGroup(_host, status, run, join, halt, lift)
