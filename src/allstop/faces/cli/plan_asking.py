"""Asking for a plan: what it would do, how long, who is hit, which rules it runs against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.types import StringParamType

from allstop.faces.cli.page import Page
from allstop.faces.cli.plan_preview_page import previewed
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import TimeWord, span
from allstop.faces.cli.verbs import Named, Verb, verb

LEVELS = ("minor", "major", "critical")


class Deadline(StringParamType):
    """`10m` as milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = span(str(value))
        if found is None or found.total_seconds() <= 0:
            self.fail(f"{value!r} is no duration; say 90s, 10m or 1h30m", param, ctx)
        return int(found.total_seconds() * 1000)


def _targets(*, needed: bool) -> Callable[[Any], Any]:
    return click.argument(
        "targets", nargs=-1, required=needed, metavar="TARGET...", type=Named("service")
    )


_DRY = click.option("--dry-run", is_flag=True, help="Only show it; record nothing.")
_ALL = click.option("--all", "whole", is_flag=True, help="List every node and step.")
_DEADLINE = click.option(
    "--deadline", type=Deadline(), metavar="TIME", help="By when it must have ended, such as 10m."
)


def _ask(session: Session, incident: str, body: dict[str, Any], *, dry: bool, whole: bool) -> None:
    """Make the plan, or only draw it, and show what it would do."""
    if dry:
        answer = session.client.post("incidents", incident, "plans", "preview", body=body)
        if session.as_json:
            session.print_json(answer)
            return
        page = Page()
        previewed(page, answer.data, whole=whole)
        session.show(page, folded=True)
        return
    made = session.client.post("incidents", incident, "plans", body=body)
    name = made.data["plan"]
    answer = session.client.get("plans", name)
    if session.as_json:
        session.print_json(answer)
        return
    if session.quiet:
        click.echo(name)
        return
    page = Page()
    previewed(page, answer.data, whole=whole)
    session.show(page, folded=True)
    waits = answer.data["waits_for"]
    session.advise(f"allstop approve {name}" if waits else f"allstop plan run {name}")


@verb(
    "stop",
    "allstop plan stop payments --with-dependents",
    "allstop plan stop all --deadline 10m --dry-run",
    "allstop plan stop category:analytics zone:b",
    incident=True,
)
@_targets(needed=True)
@click.option(
    "--with-dependents", is_flag=True, help="Stop whoever is broken without a target as well."
)
@click.option(
    "--orphan", "orphans", multiple=True, metavar="SERVICE", type=Named("service"),
    help="Leave this one up, broken; may be said again.",
)  # fmt: skip
@_DEADLINE
@_DRY
@_ALL
def stop(
    session: Session, targets: tuple[str, ...], orphans: tuple[str, ...], deadline: int | None,
    incident: str, *, with_dependents: bool, dry_run: bool, whole: bool,
) -> None:  # fmt: skip
    """Plan an ordered stop: dependents first, data safe before its service.

    A target is a service, `all`, or services by `category:`, `zone:`, `host:`, `domain:`, `class:` or `stage:`.
    Nothing happens before `allstop plan run`.
    """
    body = {
        "purpose": "stop", "targets": list(targets), "dependents": with_dependents,
        "orphans": list(orphans), "deadline_ms": deadline or 0,
    }  # fmt: skip
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb(
    "isolate",
    "allstop plan isolate payments",
    "allstop plan isolate domain:identity",
    incident=True,
)
@_targets(needed=True)
@_DRY
@_ALL
def isolate(
    session: Session, targets: tuple[str, ...], incident: str, *, dry_run: bool, whole: bool
) -> None:
    """Plan to cut services off, by risk and in no other order; who is broken by it is shown."""
    body = {"purpose": "contain", "targets": list(targets)}
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb(
    "degrade",
    "allstop plan degrade",
    "allstop plan degrade --level minor",
    "allstop plan degrade search --level major",
    incident=True,
)
@_targets(needed=False)
@click.option(
    "--level", type=click.Choice(LEVELS),
    help="Pull the levers up to this degree; else what the protocol says of the severity.",
)  # fmt: skip
@_DRY
@_ALL
def degrade(
    session: Session, targets: tuple[str, ...], level: str | None, incident: str, *, dry_run: bool, whole: bool
) -> None:  # fmt: skip
    """Plan to do with less: levers of the fleet, the least important services first."""
    body = {"purpose": "degrade", "targets": list(targets), "level": level or ""}
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb("recover", "allstop plan recover", "allstop plan recover web --with-needs", incident=True)
@_targets(needed=False)
@click.option("--with-needs", is_flag=True, help="Bring back what a target needs and is down, too.")
@click.option("--playbook", default="", metavar="NAME", help="Take the way back of this playbook.")
@_DRY
@_ALL
def recover(
    session: Session, targets: tuple[str, ...], playbook: str, incident: str, *, with_needs: bool,
    dry_run: bool, whole: bool,
) -> None:  # fmt: skip
    """Plan to bring services back, stage by stage, each behind a gate; by default all that plans stopped.

    Without a target, the way back of the playbook for this kind of emergency is taken, where there is one.
    """
    body = {"purpose": "recover", "targets": list(targets), "dependents": with_needs}
    if playbook:
        body["playbook"] = playbook
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb(
    "undo", "allstop plan undo PLAN-3", "allstop plan undo PLAN-3 --to fence-ledger", incident=True
)
@click.argument("name", metavar="PLAN", type=Named("plan"))
@click.option("--to", default="", metavar="STEP", help="The step down to which, which stays done.")
@_DRY
@_ALL
def undo(
    session: Session, name: str, to: str, incident: str, *, dry_run: bool, whole: bool
) -> None:
    """Plan to take back what a plan has done, the last step first. What has no inverse is named."""
    _ask(session, incident, {"purpose": "undo", "plan": name, "to": to}, dry=dry_run, whole=whole)


@verb(
    "playbook",
    "allstop plan playbook",
    "allstop plan playbook trading --dry-run",
    incident=True,
)
@click.argument("name", default="", metavar="[NAME]")
@_DRY
@_ALL
def playbook(session: Session, name: str, incident: str, *, dry_run: bool, whole: bool) -> None:
    """Plan all that a playbook says, phase by phase; by default the one for this kind of emergency.

    What the fleet does not offer becomes a task for a person. Nothing happens before `allstop plan run`.
    """
    _ask(session, incident, {"purpose": "playbook", "playbook": name}, dry=dry_run, whole=whole)


@verb(
    "rollback",
    "allstop plan rollback payments",
    "allstop plan rollback web payments --dry-run",
    "allstop plan rollback payments --release 3f2a91c0d4e5",
    incident=True,
)
@_targets(needed=True)
@click.option(
    "--release", default="", metavar="RELEASE",
    help="Go back to this one; by default the last that was known to be good.",
)  # fmt: skip
@_DRY
@_ALL
def rollback(
    session: Session, targets: tuple[str, ...], release: str, incident: str, *, dry_run: bool, whole: bool
) -> None:  # fmt: skip
    """Plan to take services back to a release: who uses a service goes before it, and each is proven.

    Which release was good, `allstop fleet show` and the preview say; the beginning of one is enough where it is
    known. Nothing happens before `allstop plan run`.
    """
    body = {"purpose": "rollback", "targets": list(targets), "release": release}
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb(
    "fix",
    "allstop plan fix payments",
    "allstop plan fix payments --dry-run",
    incident=True,
)
@click.argument("service", metavar="SERVICE", type=Named("service"))
@_DRY
@_ALL
def fix(session: Session, service: str, incident: str, *, dry_run: bool, whole: bool) -> None:
    """Plan a fix on a branch of its own: tests, deployment, five checks; and the way back where any of it fails."""
    _ask(session, incident, {"purpose": "fix", "targets": [service]}, dry=dry_run, whole=whole)


@verb(
    "snapshot",
    "allstop plan snapshot ledger",
    incident=True,
)
@_targets(needed=True)
@_DRY
@_ALL
def snapshot(
    session: Session, targets: tuple[str, ...], incident: str, *, dry_run: bool, whole: bool
) -> None:
    """Plan to copy the data of services, and to prove each copy by a restore. They go on meanwhile."""
    body = {"purpose": "snapshot", "targets": list(targets)}
    _ask(session, incident, body, dry=dry_run, whole=whole)


@verb(
    "restore",
    "allstop plan restore ledger",
    'allstop plan restore ledger --until "40m ago"',
    "allstop plan restore ledger --until 2026-11-21T03:55:00Z --dry-run",
    incident=True,
)
@click.argument("service", metavar="SERVICE", type=Named("service"))
@click.option(
    "--until", default=None, type=TimeWord(), metavar="TIME",
    help="As it was then; by default as the newest proven copy has it.",
)  # fmt: skip
@_DRY
@_ALL
def restore(
    session: Session, service: str, until: str | None, incident: str, *, dry_run: bool, whole: bool
) -> None:  # fmt: skip
    """Plan to bring data back from a copy that was proven. What is there is kept first; what is lost is said."""
    body = {"purpose": "restore", "targets": [service], "until": until or ""}
    _ask(session, incident, body, dry=dry_run, whole=whole)


# Levers are asked for in the same way.
ask = _ask

ASKING: tuple[Verb, ...] = (
    isolate, degrade, stop, recover, undo, playbook, rollback, fix, snapshot, restore,
)  # fmt: skip
