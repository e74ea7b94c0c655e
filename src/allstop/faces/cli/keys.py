"""Release keys: made and kept by people; the coordinator and the hosts know only their public halves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from allstop.domain.halt.order_text import FLEET, Carried, Release, carried_text, release_text
from allstop.domain.halt.scope import DEFAULT, normal
from allstop.faces.cli.page import Page
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import group, verb

# The public release keys of a project, in its state folder.
PINNED = "release.keys"
GOOD_FOR = timedelta(hours=24)


def signed(session: Session, halt: str, file: Path, audience: str = FLEET) -> dict[str, Any]:
    """A statement that a halt is to end, signed here with the key in a file. Raises Missing, Invalid."""
    now = session.launch.now()
    text = release_text(Release(halt, audience, now, now + GOOD_FOR))
    key, signature = session.launch.keys.sign(file, text)
    return {"text": text, "key": key, "signature": signature}


def print_signed(session: Session, body: Mapping[str, Any], file: Path) -> None:
    """Print a halt for machines that no coordinator reaches, signed here with the key in a file. Raises Missing, Invalid."""
    if body["exempt"] or body["incident"]:
        raise click.UsageError(
            "a signed halt is for every agent in its scope and belongs to no incident; leave --except and --incident out"
        )
    try:
        classes = normal(body.get("classes", DEFAULT))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    now = session.launch.now()
    halt = Carried(
        body["scope"], classes, body["reason"][:500], FLEET, now, now + GOOD_FOR,
    )  # fmt: skip
    text = carried_text(halt)
    name, signature = session.launch.keys.sign(file, text)
    session.print_value({"text": text, "key": name, "signature": signature})
    if not session.quiet and not session.as_json:
        told = f"signed with {name}; nobody is stopped yet. On a machine that has pinned it, within 24 hours:"
        click.echo(f"{told}\nallstop host halt --signed FILE", err=True)


@group("key")
def key() -> None:
    """Release keys: make one, see and pin public ones."""


@verb("new", "allstop key new ada", "allstop key new ada --folder /media/ada")
@click.argument("name", metavar="NAME")
@click.option(
    "--folder", default=".", show_default=True, metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Where to keep it; best on something you carry.",
)  # fmt: skip
def new(session: Session, name: str, folder: Path) -> None:
    """Make a release key; it stays on this machine and is never sent.

    NAME.key is the key, readable for you alone. NAME.key.pub is for others: pin it in the project and on every host.
    """
    if not name.isidentifier() and not name.replace("-", "").replace(".", "").isalnum():
        raise click.UsageError("a key is named by letters, digits, dots and dashes")
    path = folder / f"{name}.key"
    made = session.launch.keys.new(path, name)
    if session.as_json:
        session.print_value({"key": made.key_id, "public": made.public, "file": str(path)})
        return
    click.echo(safe(made.key_id if session.quiet else f"key {made.key_id} in {path}"))
    session.advise(f"allstop key pin {path}.pub")


@verb("list", "allstop key list")
def listed(session: Session) -> None:
    """The release keys that this project has pinned."""
    path = session.project.state / PINNED
    found = session.launch.keys.public(path) if path.exists() else ()
    if session.as_json:
        session.print_value(
            [{"key": one.key_id, "public": one.public, "owner": one.owner} for one in found]
        )
        return
    page = Page()
    if session.quiet:
        page.table((), [(one.key_id,) for one in found])
    else:
        page.table(
            ("key", "owner", "public"),
            [(one.key_id, one.owner or "-", one.public) for one in found],
        )
        if not found:
            page.line("No release key is pinned: allstop key new NAME, then allstop key pin FILE")
    session.show(page)


@verb("pin", "allstop key pin ada.key.pub")
@click.argument(
    "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def pin(session: Session, file: Path) -> None:
    """Let this project's coordinator count what a key signs.

    Compare the key with its owner before you pin it: whoever holds it can release. Needs no restart.
    """
    wanted = session.launch.keys.public(file)
    added = session.launch.keys.pin(session.project.state / PINNED, wanted)
    if session.as_json:
        session.print_value({"pinned": [one.key_id for one in added]})
        return
    for one in wanted:
        done = "is pinned" if one in added else "was pinned already"
        click.echo(
            safe(
                one.key_id if session.quiet else f"{one.key_id} of {one.owner or file.name} {done}"
            )
        )


@verb("sign", "allstop key sign LOCAL-build-7-1 --host build-7 --with ada.key > release.json")
@click.argument("halt", metavar="HALT")
@click.option(
    "--host", required=True, metavar="NAME", help="The machine on which the halt was ordered."
)  # fmt: skip
@click.option(
    "--with", "file", required=True, metavar="KEYFILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Your release key.",
)  # fmt: skip
def sign(session: Session, halt: str, host: str, file: Path) -> None:
    """Sign the release of a halt that was ordered on a machine itself, and print it; nothing is lifted by that.

    There: allstop host lift HALT --signed FILE, within 24 hours. A halt of the coordinator is signed by allstop release --sign.
    """
    session.print_value(signed(session, halt, file, f"host:{host}"))


key.add_command(new)
key.add_command(listed)
key.add_command(pin)
key.add_command(sign)
