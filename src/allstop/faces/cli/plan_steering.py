"""Running a plan: start, pause, resume, abort, waive a step, follow."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.plan_following import follow_plan
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, Verb, verb

_PLAN = click.argument("name", metavar="PLAN", type=Named("plan"))


@verb("run", "allstop plan run PLAN-3", "allstop plan run PLAN-3 --follow")
@_PLAN
@click.option("--follow", "followed", is_flag=True, help="Then follow it until it ends.")
def run(session: Session, name: str, *, followed: bool) -> None:
    """Start a plan that everybody agreed to."""
    answer = session.client.post("plans", name, "run")
    session.told(answer, f"{name} runs", next_command="" if followed else f"allstop plan follow {name}")  # fmt: skip
    if followed:
        follow_plan(session, name)


@verb("pause", 'allstop plan pause PLAN-3 --because "the bank asks for a moment"')
@_PLAN
@BECAUSE
def pause(session: Session, name: str, because: str) -> None:
    """Start nothing further; what is under way ends."""
    answer = session.client.post("plans", name, "pause", body={"because": because})
    session.told(answer, f"{name} is paused", next_command=f"allstop plan resume {name}")


@verb("resume", "allstop plan resume PLAN-3")
@_PLAN
def resume(session: Session, name: str) -> None:
    """End a pause."""
    answer = session.client.post("plans", name, "resume")
    session.told(answer, f"{name} goes on", next_command=f"allstop plan follow {name}")


@verb("abort", 'allstop plan abort PLAN-3 --because "the database came back by itself"')
@_PLAN
@BECAUSE
def abort(session: Session, name: str, because: str) -> None:
    """Give a plan up. What is under way ends, and what is done stays done."""
    begun = session.client.get("plans", name).data["started_at"]
    answer = session.client.post("plans", name, "abort", body={"because": because})
    back = f"allstop plan undo {name} --dry-run" if begun else "allstop plans"
    session.told(answer, f"{name} is aborted", next_command=back)


@verb("waive", 'allstop plan waive PLAN-3 snapshot-ledger --because "the nightly backup is enough"')
@_PLAN
@click.argument("step")
@BECAUSE
def waive(session: Session, name: str, step: str, because: str) -> None:
    """Let a held node go on without a step that failed: by name, with a reason, on the record."""
    body = {"step": step, "because": because}
    answer = session.client.post("plans", name, "waive", body=body)
    session.told(answer, f"{step} is waived", next_command=f"allstop plan follow {name}")


@verb("follow", "allstop plan follow PLAN-3", "allstop plan follow PLAN-3 --json")
@_PLAN
def follow(session: Session, name: str) -> None:
    """Show a plan live until it ends or waits for a person.

    Exit code 0: it is done; 1: it waits for a person, or was aborted.
    """
    follow_plan(session, name)


STEERING: tuple[Verb, ...] = (run, follow, pause, resume, abort, waive)
