"""A halt while the coordinator does not answer: the same on this machine, through its host process, and exactly that is claimed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from allstop.errors import AllstopError, Invalid, Missing, Unavailable
from allstop.faces.cli.client import Answer
from allstop.faces.cli.exit_codes import ProblemAnswer
from allstop.faces.cli.keys import print_signed
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import CURRENT, Session

# Whoever says --here is in a hurry, and has another way.
PATIENCE_S = 5.0
# Where the process of a machine is when it is nobody's own.
EVERYBODYS = Path("/var/lib/allstop/host")
# A proxy's word that nobody is behind it.
NOBODY_BEHIND = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A halt as it was asked for. here: on this machine without asking back, where the coordinator does not answer;
    host_folder: where the host process has its files, empty for the usual places; sign: order nothing, print it signed with
    the key in this file."""

    body: Mapping[str, Any]
    here: bool
    host_folder: str
    sign: Path | None = None


def ordered(session: Session, wanted: Wanted) -> Answer | None:
    """The coordinator's answer; None when it was not asked, or gave none and the halt stands on this machine instead.

    Raises what the coordinator refused; and, when nothing was halted anywhere, Unavailable, Abort, or what kept it from being asked.
    """
    if wanted.sign is not None:
        print_signed(session, wanted.body, wanted.sign)
        return None
    try:
        client = session.client_within(PATIENCE_S) if wanted.here else session.client
        body = dict(wanted.body)
        if body["incident"] == CURRENT:
            body["incident"] = client.get("incidents", CURRENT).data["line"]["id"]
        return client.post("halts", body=body)
    except ProblemAnswer as problem:
        if problem.status not in NOBODY_BEHIND:
            raise
        error: AllstopError = problem
    except (
        Unavailable,
        Missing,
        Invalid,
    ) as silent:  # settings that are broken or not there stop nobody either
        error = silent
    _instead(session, wanted, error)
    return None


def _instead(session: Session, wanted: Wanted, error: AllstopError) -> None:
    folder, status = _host(session, wanted.host_folder, error)
    host = str(status["host"])
    _check_same(wanted.body, host, error)
    if not wanted.here:
        _ask(session, wanted, host, error)
    request = {
        "do": "halt",
        "scope": wanted.body["scope"],
        "classes": wanted.body.get("classes", []),
    }
    halt = str(session.launch.host.call(folder, request)["halt"])
    seen = session.launch.host.call(folder, {"ask": "status"})
    if halt not in [one["id"] for one in seen["halts"]]:
        raise Unavailable(f"{halt} was ordered on {host} and does not stand there", "allstop host")
    _tell(session, wanted, seen, halt, error)


def _host(session: Session, folder: str, error: AllstopError) -> tuple[Path, dict[str, Any]]:
    """The host process that answers on this machine, and what it says. Raises what the coordinator's silence was."""
    places = [Path(folder)] if folder else [session.launch.host.folder(), EVERYBODYS]
    for place in dict.fromkeys(places):
        try:
            return place, session.launch.host.call(place, {"ask": "status"})
        except AllstopError:
            continue
    hint = f"{error.hint}; on a machine with agents: allstop host halt".removeprefix("; ")
    raise _nobody(error, ", for no host process answers on this machine either", hint) from error


def _nobody(error: AllstopError, more: str, hint: str) -> AllstopError:
    """The same error, with what it meant here: its exit code stays."""
    text = f"{error.text}\nnobody was stopped{more}"
    kind = next((one for one in (Missing, Invalid) if isinstance(error, one)), Unavailable)
    return kind(text, hint)


def _check_same(body: Mapping[str, Any], host: str, error: AllstopError) -> None:
    """Refuse what this machine cannot do as it was meant."""
    scope = str(body["scope"])
    text = ""
    if body["exempt"]:
        text = f"the host {host} cannot leave out {', '.join(body['exempt'])}: say it again without --except"
    elif scope.startswith("host:") and scope != f"host:{host}":
        text = f"this machine is {host}: {scope} is halted where it is"
    if text:
        raise _nobody(error, f": {text}", "allstop host halt") from error


def _ask(session: Session, wanted: Wanted, host: str, error: AllstopError) -> None:
    """Whether to halt here instead. Without somebody at the terminal nothing is guessed."""
    if not sys.stdin.isatty():
        hint = f'on this machine ({host}) it can be done: allstop halt "why" --here'
        raise _nobody(error, "", hint) from error
    click.echo(f"error: {safe(error.text)}", err=True)
    session.confirm(f"Halt {wanted.body['scope']} on this machine ({host}) instead?", yes=False)


def _tell(
    session: Session, wanted: Wanted, seen: Mapping[str, Any], halt: str, error: AllstopError
) -> None:
    """What was reached and what was not, by name."""
    host = str(seen["host"])
    if session.as_json:
        session.print_value(
            {"halt": halt, "reached": [f"host:{host}"], "not_reached": {"coordinator": error.text}}
        )
        return
    click.echo(safe(halt if session.quiet else f"{halt} stands on {host}: {wanted.body['scope']}"))
    if session.quiet:
        return
    agents = ", ".join(str(one["agent"]) for one in seen["agents"]) or "none"
    again = f"allstop halt {'...' if not wanted.body['incident'] else '... --incident ' + str(wanted.body['incident'])}"
    for line in (
        f"reached:     the gates on {host}, which refuse from now on; agents that it started: {agents}",
        f"NOT reached: the coordinator, and every other machine: {error.text}",
        f"The coordinator does not know of this halt and will not end it. When it answers, order it there as well: {again}",
    ):
        click.echo(safe(line), err=True)
    session.advise("allstop host")
