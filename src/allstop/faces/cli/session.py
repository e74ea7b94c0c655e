"""One run of a command: what it was started with, whom it asks, how it prints."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from allstop.errors import Missing
from allstop.faces.cli.launch import Launch, MachineSettings
from allstop.faces.cli.layout import plain
from allstop.faces.cli.page import Page
from allstop.faces.cli.safe_text import safe, safe_json

if TYPE_CHECKING:  # the client takes a moment to load, and help needs none
    from allstop.faces.cli.client import Answer, Client

CURRENT = "current"


class Session:
    """home and url: as given on the command line, or empty; as_json, quiet: how to print.

    day: the last date that was printed above entries, which may come one by one; incident: as named on
    the command line, or empty.
    """

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.home = ""
        self.url = ""
        self.as_json = False
        self.quiet = False
        self.day = ""
        self.incident = ""
        self._settings: MachineSettings | None = None
        self._client: Client | None = None

    # --- asking ---

    @property
    def settings(self) -> MachineSettings:
        """Read once. Raises Missing or Invalid."""
        if self._settings is None:
            read = self.launch.settings
            self._settings = read(self.home, self.url) if self.url else read(self.home)
        return self._settings

    @property
    def project(self) -> MachineSettings:
        """The settings, for commands that need a project here. Raises Missing without one."""
        if not self.settings.has_project:
            raise Missing("there is no Allstop project here or in any folder above", "allstop init")
        return self.settings

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = self.client_within()
        return self._client

    def client_within(self, seconds: float | None = None) -> Client:
        """A client that waits at most so long for each answer."""
        from allstop.faces.cli.address import address_of  # noqa: PLC0415 - see above
        from allstop.faces.cli.client import Client  # noqa: PLC0415 - see above

        settings = self.settings
        return Client(
            address_of(settings),
            settings.token,
            self.launch.new_key,
            self.launch.pause,
            seconds,
        )

    def still_at_work(self, name: str = CURRENT) -> str:
        """The incident that work goes on in: the open one, else the one that waits to be closed."""
        if name != CURRENT:
            return name
        lines = self.client.get("incidents").data
        waiting = [one["id"] for one in lines if one["state"] == "stood-down"]
        if any(one["state"] == "open" for one in lines) or not waiting:
            return CURRENT  # the coordinator says which, or what to do
        if len(waiting) > 1:
            named = " or ".join(waiting[:4])
            raise Missing(
                f"no incident is open, and {len(waiting)} are stood down",
                f"say which: --incident {named}",
            )
        return str(waiting[0])

    def now(self, answer: Answer | None = None) -> datetime:
        """The coordinator's clock when it told us, so that a wrong clock here misleads nobody."""
        return answer.at if answer is not None and answer.at else self.launch.now()

    # --- printing ---

    def show(self, page: Page, *, folded: bool = False) -> None:
        """Print a page. folded: it is one to read, so its lines are no longer in a pipe than on a terminal."""
        if not page.blocks:
            return
        if coloured():
            from allstop.faces.cli.colour import show  # noqa: PLC0415 - Rich is for terminals only

            show(page)
        else:
            wide = columns() or (shutil.get_terminal_size().columns if folded else 0)
            click.echo(plain(page, wide), nl=False)

    def print_json(self, answer: Answer) -> None:
        """Exactly what the API said."""
        click.echo(safe_json(answer.text).rstrip("\n"))

    def print_value(self, value: object) -> None:
        """JSON of something that does not come from the API."""
        click.echo(safe_json(json.dumps(value, ensure_ascii=False, default=str)))

    def told(self, answer: Answer, text: str, *, name: str = "", next_command: str = "") -> None:
        """The end of a command that changed something. name: all that is said when quiet."""
        if self.as_json:
            self.print_json(answer)
        elif self.quiet:
            if name:
                click.echo(safe(name))
        else:
            click.echo(safe(text))
            self.advise(next_command)

    def advise(self, command: str) -> None:
        """The next sensible command."""
        if command and not self.quiet and not self.as_json:
            click.echo(f"next: {safe(self.addressed(command))}")

    def addressed(self, hint: str, incident: str = "") -> str:
        """A hint for the incident that was named, or for this one."""
        from allstop.faces.cli.hints import addressed  # noqa: PLC0415 - few lines need it

        root = click.get_current_context().find_root().command
        return addressed(hint, incident or self.incident, root)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Raises UsageError when nobody can be asked, Abort when the answer is no."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise click.UsageError(
                "this needs a confirmation, and nobody is at the terminal; say --yes"
            )
        click.confirm(safe(question), abort=True, err=True)


def columns() -> int:
    """How wide a person's terminal is; 0 when it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def coloured() -> bool:
    """A person looks at it, and has not asked for plain text."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
