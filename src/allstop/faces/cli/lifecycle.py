"""Starting and stopping the coordinator."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import click

from allstop.errors import Unavailable
from allstop.faces.cli.address import process_of, running
from allstop.faces.cli.exit_codes import Ended, ProblemAnswer
from allstop.faces.cli.named import Whole
from allstop.faces.cli.record import tail
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import verb

LOOK_SECONDS = 0.1
GREETING_SECONDS = 2.0
DOWN_SECONDS = 5.0
LAST_LINES = 20


@verb("up", "allstop up --detach", "allstop up        (stays in the foreground; Ctrl-C ends it)")
@click.option("--detach", "-d", is_flag=True, help="Leave it running in the background.")
@click.option(
    "--wait", default=30, show_default=True, metavar="SECONDS", type=Whole(1, 3600),
    help="With --detach: how long it may take to be ready.",
)  # fmt: skip
def up(session: Session, wait: int, *, detach: bool) -> None:
    """Start the coordinator.

    Its messages go to the terminal, or with --detach to .allstop/coordinator.log.
    """
    settings = session.project
    if is_ready(session):
        noted = running(settings)
        since = instant(noted.get("started_at"))
        _say_up(
            session,
            noted,
            f"is up already{f', since {ago(since, session.launch.now())}' if since else ''}",
        )
    elif detach:
        _detach(session, wait)
    else:
        _foreground(session)


def is_ready(session: Session) -> bool:
    """Whether a coordinator answers here and would take commands."""
    try:
        session.client_within(GREETING_SECONDS).get("readyz", prefix="")
    except (Unavailable, ProblemAnswer):
        return False
    return True


def _foreground(session: Session) -> None:
    settings = session.project

    def ready(port: int) -> None:
        noted = {"url": f"http://127.0.0.1:{port}", **running(settings)}
        _say_up(session, noted, "is up; Ctrl-C ends it")
        sys.stdout.flush()

    code = session.launch.run_coordinator(settings.home, ready)
    if code:
        raise Ended(code)


def _detach(session: Session, wait: int) -> None:
    """Start `allstop up` in a session of its own, so that closing this terminal does not end it."""
    settings = session.project
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "allstop", "--home", str(settings.home), "up"]
    before = settings.log_file.stat().st_size if settings.log_file.exists() else 0
    handle = os.open(
        settings.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
    )
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            cwd=settings.home,
        )
    finally:
        os.close(handle)
    for _ in range(round(wait / LOOK_SECONDS)):
        if child.poll() is not None:
            _crashed(session, child.returncode, before)
        if is_ready(session):
            # It is meant to outlive us: nobody waits for it, and that is no mistake.
            child.returncode = 0
            _say_up(session, running(settings), "is up")
            return
        session.launch.pause(LOOK_SECONDS)
    raise Unavailable(
        f"the coordinator runs, and is not ready after {wait} seconds", "allstop log --coordinator"
    )


def _crashed(session: Session, code: int, before: int) -> None:
    """Say what it said last, and end as it ended."""
    lines, end = tail(session.project.log_file, LAST_LINES, since=before)
    click.echo(f"error: the coordinator ended at its start (exit code {code})", err=True)
    if end > before:
        for line in lines:
            click.echo(f"  {safe(line)}", err=True)
    click.echo("hint:  allstop doctor, or the whole log: allstop log --coordinator", err=True)
    raise Ended(code if code > 0 else 1)


def _say_up(session: Session, noted: dict[str, Any], how: str) -> None:
    url = str(noted.get("url", ""))
    if session.as_json:
        session.print_value(noted)
    elif session.quiet:
        click.echo(url)
    else:
        click.echo(
            f"Allstop {safe(how)}."
            + (f" Console: {url} (sign in with: allstop open)" if url else "")
        )
        session.advise("allstop doctor" if "already" not in how else "allstop status")


@verb("down", "allstop down")
@click.option(
    "--wait", default=30, show_default=True, metavar="SECONDS", type=Whole(0, 3600),
    help="How long it may take to end what it has begun.",
)  # fmt: skip
def down(session: Session, wait: int) -> None:
    """Stop the coordinator; services and agents go on as they are.

    What stands in the record goes on with the next start.
    """
    noted = {} if session.settings.url else running(session.settings)
    process = process_of(noted)
    try:
        answer = session.client_within(DOWN_SECONDS).post("down")
    except ProblemAnswer:
        raise
    except Unavailable:
        if session.settings.url:
            raise
        _end_silent(session, process)
        return
    if process is not None:
        _await_end(session, process, wait)
    session.told(answer, "Allstop is down." if process is not None else "Allstop is stopping.")


def _end_silent(session: Session, process: Any) -> None:
    """No answer: nothing is running, or it hangs and is asked by signal."""
    if process is None:
        if session.as_json:
            session.print_value({"stopping": False})
        elif not session.quiet:
            click.echo("Allstop is not running.")
        return
    process.terminate()
    click.echo(f"it does not answer; process {process.pid} was told to end (SIGTERM)", err=True)
    _await_end(session, process, 30)
    if session.as_json:
        session.print_value({"stopping": True})


def _await_end(session: Session, process: Any, wait: int) -> None:
    for _ in range(round(wait / LOOK_SECONDS) + 1):
        if process_of({"pid": process.pid, "create_time": process.create_time()}) is None:
            return
        session.launch.pause(LOOK_SECONDS)
    raise Unavailable(
        f"process {process.pid} has not ended after {wait} seconds", "allstop log --coordinator"
    )


@verb("reload", "allstop protocol check && allstop reload")
def reload(session: Session) -> None:
    """Take changed documents for incidents declared from now on.

    Running incidents keep the rules they began with.
    """
    answer = session.client.post("reload")
    digest = answer.data.get("digest", "")
    session.told(
        answer, f"policy {digest[:12]} is in force for incidents declared from now on", name=digest
    )
