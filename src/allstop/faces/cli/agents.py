"""The agents, and the gate in the settings of their clients on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from allstop.faces.cli.agents_denying import deny
from allstop.faces.cli.agents_doctor import doctor, test
from allstop.faces.cli.agents_kit import kit
from allstop.faces.cli.agents_removing import remove
from allstop.faces.cli.fleet import agents as bare
from allstop.faces.cli.fleet import show_agents
from allstop.faces.cli.safe_text import safe, safe_block
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import VerbGroup, verb

if TYPE_CHECKING:
    from allstop.runtimes.installing import Plan
    from allstop.runtimes.settings_places import Settings

F = TypeVar("F", bound=Callable[..., Any])
MANAGED_STATE = Path("/var/lib/allstop/host")
RUNTIMES = ("claude", "codex", "gemini", "copilot")


def _places(function: F) -> F:
    """The options that say where an installation goes."""
    options = (
        click.option(
            "--runtime", "runtimes", multiple=True, required=True, type=click.Choice(RUNTIMES),
            help="Which client; repeatable.",
        ),
        click.option(
            "--scope", required=True, type=click.Choice(["user", "managed"]),
            help="managed: the administrator's settings, which enforce. user: your own, to try it.",
        ),
        click.option(
            "--state", default="", metavar="DIR",
            help="Folder with the state file of this machine's host process; by default /var/lib/allstop/host for root.",
        ),
        click.option(
            "--root", default="/", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Stands before every path that is written, as for an image that is being built.",
        ),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--diff", "only_diff", is_flag=True, help="Show what would change, and change nothing."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@verb("list", "allstop agents list", "allstop agents list -q")
def listing(session: Session) -> None:
    """The agents, and which halts hold them."""
    show_agents(session)


@verb(
    "install",
    "allstop agents install --runtime claude --scope user",
    "sudo allstop agents install --runtime claude --runtime codex --scope managed --yes",
    "allstop agents install --runtime gemini --scope managed --root ./image --state-first --yes",
)
@_places
@click.option(
    "--state-first",
    is_flag=True,
    help="Where no host process has run yet: write a state file with nothing standing.",
)
def install(
    session: Session, *, runtimes: tuple[str, ...], scope: str, state: str, root: Path, yes: bool, only_diff: bool,
    state_first: bool,
) -> None:  # fmt: skip
    """Let a client ask the gate before each tool call. Shows what changes and asks; doing it again changes nothing.

    What stands in the client's settings stays. What was done is recorded, so that uninstall puts it back.
    """
    from allstop.runtimes.installing import plan_install  # noqa: PLC0415 - only these commands need it

    place = _place(session, scope, state, root)
    at = session.launch.now().isoformat(timespec="seconds")
    _each(
        session, runtimes, lambda one: plan_install(one, place, at, state_first=state_first), yes=yes, only_diff=only_diff,
        done="installed", nothing="is installed so already",
    )  # fmt: skip
    if not only_diff:
        session.advise(f"allstop agents doctor --runtime {runtimes[0]}")


@verb(
    "uninstall",
    "allstop agents uninstall --runtime claude --scope user",
    "sudo allstop agents uninstall --runtime codex --scope managed --yes",
)
@_places
def uninstall(
    session: Session, *, runtimes: tuple[str, ...], scope: str, state: str, root: Path, yes: bool, only_diff: bool
) -> None:  # fmt: skip
    """Take the gate out of a client's settings.

    Puts back the very bytes that stood there before when nobody has changed the file since; else takes out Allstop's
    own part alone, and says so.
    """
    from allstop.runtimes.installing import plan_uninstall  # noqa: PLC0415 - only these commands need it

    place = _place(session, scope, state, root)
    _each(
        session, runtimes, lambda one: plan_uninstall(one, place), yes=yes, only_diff=only_diff,
        done="taken out", nothing="is not installed",
    )  # fmt: skip


def _place(session: Session, scope: str, state: str, root: Path) -> Any:
    from allstop.runtimes.installed_files import Place  # noqa: PLC0415 - only these commands need it

    own = session.launch.host.folder()
    # A person on a machine whose host process runs as root means that one.
    theirs = scope == "managed" or (not (own / "state").exists() and (MANAGED_STATE / "state").exists())  # fmt: skip
    folder = Path(state).absolute() if state else MANAGED_STATE if theirs else own
    return Place(scope, Path.home(), os.environ, folder, root.resolve())


def _each(
    session: Session, runtimes: tuple[str, ...], planned: Callable[[Settings], Plan],
    *, yes: bool, only_diff: bool, done: str, nothing: str,
) -> None:  # fmt: skip
    """One client after another: what would change is shown, agreed to, done. Nothing is done before all can be planned."""
    from allstop.runtimes.installing import carry_out, known  # noqa: PLC0415 - only these commands need it

    every = [known(name) for name in dict.fromkeys(runtimes)]
    for settings in every:
        planned(settings)
    told = []
    for settings in every:
        plan = planned(settings)
        told.append({"runtime": settings.name, "changed": not plan.nothing, "diff": plan.shown(), "notes": list(plan.notes)})  # fmt: skip
        if not (session.as_json or session.quiet):
            _show(plan)
        if plan.nothing:
            _say(session, f"{settings.title} {nothing} ({plan.place.scope}).")
        if only_diff:
            continue
        if not plan.nothing:
            session.confirm(f"Do this for {settings.title}?", yes=yes)
        carry_out(plan)
        if not plan.nothing:
            _say(session, f"{settings.title}: {done} ({plan.place.scope}).")
    if session.as_json:
        session.print_value(told)


def _show(plan: Plan) -> None:
    text = plan.shown()
    if text:
        click.echo(safe_block(text.rstrip("\n")))
    for note in plan.notes:
        click.echo(safe(f"note: {note}"))


def _say(session: Session, text: str) -> None:
    if not (session.as_json or session.quiet):
        click.echo(safe(text))


agents = VerbGroup(bare, listing, install, uninstall, deny, doctor, test, kit, remove)
