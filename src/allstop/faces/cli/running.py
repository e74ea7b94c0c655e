"""Starting an agent so that it can be stopped whole."""

from __future__ import annotations

from pathlib import Path

import click

from allstop.errors import Unavailable
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.launch import AgentAsked, AgentPlaced
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

TEAM = "agents"


@verb(
    "run",
    "allstop run -- claude",
    "allstop run --agent builder-1 --team builders -- codex exec 'mend the search page'",
    "allstop run --unregistered -- python agent.py        (no coordinator: only its gate can stop it)",
    allow_interspersed_args=False,
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.option(
    "--agent", default="", metavar="NAME", help="Its name; else made from program and folder."
)
@click.option("--team", default=TEAM, show_default=True, metavar="TEAM", help="The team it is in.")
@click.option(
    "--worktree", default="", metavar="DIR",
    help="Git work tree it works in, for snapshots; else the one around this folder.",
)  # fmt: skip
@click.option(
    "--host-folder", default="", metavar="DIR", help="Where the host process of this machine has its files."
)  # fmt: skip
@click.option("--unregistered", is_flag=True, help="Start it although no coordinator can be told.")
def run(
    session: Session, command: tuple[str, ...], agent: str, team: str, worktree: str, *, host_folder: str,
    unregistered: bool,
) -> None:  # fmt: skip
    """Start an agent in a control group of its own, registered, so that a halt reaches all of it.

    The agent is not changed: terminal, signals and exit code are its own. Whatever it starts, in whatever session, is
    frozen and ended with it. While a halt stands that takes it in, it starts frozen.
    """
    here = Path.cwd()
    name = agent or session.launch.name_agent(command, here)
    tree = str(Path(worktree).resolve()) if worktree else _work_tree(here)
    folder = session.project.state / "agents" / name
    host = Path(host_folder) if host_folder else session.launch.host.folder()
    asked = AgentAsked(name, team, command, folder, tree, host)

    def register(place: AgentPlaced) -> bool:
        if place.because:
            _say(
                session,
                f"no control group ({place.because}): children that forget their environment escape a halt",
            )
        return not unregistered and bool(_registered(session, asked, place))

    code = session.launch.run_agent(asked, register, lambda text: _say(session, text))
    if code:
        raise Ended(code)


def _registered(session: Session, asked: AgentAsked, place: AgentPlaced) -> list[str]:
    """Tell the coordinator; the halts that hold it already. Raises Unavailable, which starts nothing."""
    body = {
        "agent": asked.agent, "name": asked.agent, "team": asked.team, "options": place.options,
        "adapter": "host" if place.host else "agent-process", "host": place.host, "repository": asked.worktree,
    }  # fmt: skip
    try:
        session.client.post("agents", body=body)
        known = session.client.get("agents").data
    except Unavailable as error:
        raise Unavailable(
            f"{asked.agent} was not started: no coordinator could be told of it ({error.text})",
            "allstop up --detach; or start it with --unregistered",
        ) from error
    held: list[str] = next((one["held_by"] for one in known if one["id"] == asked.agent), [])
    by = f"; held by {', '.join(held)}" if held else ""
    _say(session, f"{asked.agent} ({asked.team}) is registered{by}")
    return held


def _say(session: Session, text: str) -> None:
    """Beside the agent's own output, which is its own."""
    if not session.quiet:
        click.echo(safe(f"allstop: {text}"), err=True)


def _work_tree(folder: Path) -> str:
    """The top of the git work tree around a folder, or empty."""
    for one in (folder, *folder.parents):
        if (one / ".git").exists():
            return str(one)
    return ""
