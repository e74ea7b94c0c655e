"""The second layer for Claude Code: the administrator's settings deny its tools."""

from __future__ import annotations

import os
from pathlib import Path

import click

from allstop.faces.cli.safe_text import safe, safe_block
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb


@verb(
    "deny",
    "sudo allstop agents deny --runtime claude",
    "sudo allstop agents deny --runtime claude --lift",
)
@click.option(
    "--runtime", required=True, type=click.Choice(["claude"]), help="Only Claude Code takes it up."
)
@click.option("--everything", is_flag=True, help="Reading and reporting too.")
@click.option("--lift", is_flag=True, help="End it.")
@click.option(
    "--root", default="/", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Stands before every path that is written.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
def deny(
    session: Session, *, runtime: str, everything: bool, lift: bool, root: Path, yes: bool
) -> None:
    """Deny the tools of every session of Claude Code on this machine by its own permissions.

    For where the gate was got around: sessions that run take it up within seconds, and no hook is asked. It is no halt:
    it knows no scope, gives no reason, stands on no record of the coordinator, and stands until it is lifted here.
    """
    from allstop.runtimes.denying import (  # noqa: PLC0415 - only this command needs it
        plan_deny,
        plan_lift,
    )
    from allstop.runtimes.installed_files import Place  # noqa: PLC0415 - as above
    from allstop.runtimes.installing import carry_out  # noqa: PLC0415 - as above
    from allstop.runtimes.settings_places import MANAGED  # noqa: PLC0415 - as above

    if lift and everything:
        raise click.UsageError("--lift ends whatever is denied; leave --everything out")
    place = Place(MANAGED, Path.home(), os.environ, session.launch.host.folder(), root.resolve())
    at = session.launch.now().isoformat(timespec="seconds")
    plan = plan_lift(place) if lift else plan_deny(place, at, everything=everything)
    talks = not (session.as_json or session.quiet)
    if talks:
        for text in (plan.shown().rstrip("\n"), *(f"note: {note}" for note in plan.notes)):
            click.echo(safe_block(text), nl=bool(text))
    if plan.nothing:
        said = "is not denied anything" if lift else "is denied that already"
    else:
        session.confirm(f"Do this for {runtime}?", yes=yes)
        said = "is let go" if lift else "is denied its tools, within seconds"
    carry_out(plan)
    if session.as_json:
        session.print_value({"runtime": runtime, "changed": not plan.nothing, "diff": plan.shown(), "notes": list(plan.notes)})  # fmt: skip
    elif talks:
        click.echo(safe(f"Claude Code {said}."))
        session.advise("" if lift else "allstop agents deny --runtime claude --lift")
