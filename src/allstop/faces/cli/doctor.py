"""Looking for what would fail in an emergency, before there is one."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from allstop.domain.moment import between, words
from allstop.errors import AllstopError
from allstop.faces.cli.address import process_of, running
from allstop.faces.cli.exit_codes import Ended, ProblemAnswer
from allstop.faces.cli.overview import KEPT, MENDED
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

SECONDS = 3.0
LITTLE_DISK, TOO_LITTLE_DISK = 1_000_000_000, 100_000_000
CLOCK_WARN_MS, CLOCK_FAIL_MS = 2_000, 60_000
OUT_OF_REACH = frozenset({"unreachable", "unaccounted", "escaped", "contradicted", "stuck"})


@dataclass(frozen=True, slots=True)
class Finding:
    """state: ok | warn | fail; hint: what to do, empty when it is ok."""

    check: str
    state: str
    text: str
    hint: str = ""


@verb("doctor", "allstop doctor", "allstop doctor --json | jq '.[] | select(.state!=\"ok\")'")
def doctor(session: Session) -> None:
    """Look for what would fail in an emergency.

    Exit code 1 when something fails; warnings alone are no failure.
    """
    found = list(_findings(session))
    if session.as_json:
        session.print_value([asdict(one) for one in found])
    else:
        page = Page()
        shown = [one for one in found if one.state != "ok" or not session.quiet]
        tones = {"ok": "good", "warn": "notice", "fail": "bad"}
        page.table(
            (), [(Piece(one.state, tones[one.state]), one.check, _sentence(one)) for one in shown]
        )
        session.show(page)
    if any(one.state == "fail" for one in found):
        raise Ended(1)


def _sentence(one: Finding) -> str:
    return f"{one.text} -> {one.hint}" if one.hint else one.text


def _findings(session: Session) -> Iterator[Finding]:
    local = session.settings.has_project and not session.settings.url
    checks: list[tuple[str, Callable[[Session], Iterator[Finding]]]] = []
    if session.settings.has_project:
        checks += [("documents", _documents)]
    if local:
        checks += [("state", _state), ("disk", _disk)]
    for name, check in checks:
        yield from _guarded(name, session, check)
    answers = _guarded("coordinator", session, _coordinator)
    alive = False
    for finding in answers:
        alive = finding.state != "fail"
        yield finding
    if alive:
        for name, check in LIVE:
            yield from _guarded(name, session, check)


def _guarded(
    name: str, session: Session, check: Callable[[Session], Iterator[Finding]]
) -> Iterator[Finding]:
    """A check that cannot be made is a finding of its own."""
    try:
        yield from check(session)
    except (AllstopError, OSError) as error:
        yield Finding(name, "fail", str(error), getattr(error, "hint", ""))


def _documents(session: Session) -> Iterator[Finding]:
    problems, ok = session.launch.check_documents(session.settings.home)
    errors = [one for one in problems if getattr(one, "is_error", True)]
    if not ok:
        yield Finding("documents", "fail", _first(errors), "allstop protocol check")
    elif problems:
        count = "1 warning" if len(problems) == 1 else f"{len(problems)} warnings"
        yield Finding("documents", "warn", count, "allstop protocol check")
    else:
        yield Finding("documents", "ok", f"nothing wrong in {session.settings.home}")


def _first(errors: Sequence[object]) -> str:
    """The first error, and how many more there are."""
    if not errors:
        return "they cannot be read"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0]}{more}"


def _policy(session: Session) -> Iterator[Finding]:
    """Whether what is in force is what the documents say."""
    found: dict[str, Any] = session.client_within(SECONDS).get("protocol").data
    here = session.settings.has_project and not session.settings.url
    problems, good = session.launch.check_documents(session.settings.home) if here else ((), True)
    kept = str(found.get("kept_because", ""))
    name = f"{found['name']} ({found['digest'][:12]})"
    if here and not good:
        errors = [one for one in problems if getattr(one, "is_error", True)]
        yield Finding("policy", "warn", f"{name}: {KEPT}: {_first(errors)}", MENDED)
    elif kept and here:
        text = f"{name}: it is the last good one; the documents on disk were broken, and are good again"
        yield Finding("policy", "warn", text, "allstop reload")
    elif kept:
        yield Finding("policy", "warn", f"{name}: {KEPT}: {kept}", MENDED)
    else:
        yield Finding("policy", "ok", f"{name} is in force")


def _state(session: Session) -> Iterator[Finding]:
    state = session.settings.state
    if not state.exists():
        yield Finding("state", "warn", "the coordinator has never run here", "allstop up --detach")
    elif stat.S_IMODE(state.stat().st_mode) & 0o077:
        yield Finding("state", "fail", f"other users can look into {state}", f"chmod 700 {state}")
    else:
        yield Finding("state", "ok", f"{state} is yours alone")


def _disk(session: Session) -> Iterator[Finding]:
    database = session.settings.database
    size = database.stat().st_size if database.exists() else 0
    place = next(folder for folder in database.parents if folder.exists())
    free = shutil.disk_usage(place).free
    text = f"the database has {_size(size)}, {_size(free)} are free"
    if free < TOO_LITTLE_DISK:
        yield Finding(
            "disk", "fail", text, f"make room on the disk of {place}: soon nothing can be recorded"
        )
    elif free < LITTLE_DISK:
        yield Finding("disk", "warn", text, f"make room on the disk of {place}")
    else:
        yield Finding("disk", "ok", text)


def _coordinator(session: Session) -> Iterator[Finding]:
    address = session.client.address
    try:
        session.client_within(SECONDS).get("readyz", prefix="")
    except ProblemAnswer as error:
        yield Finding(
            "coordinator",
            "fail",
            f"not ready: {error.text}",
            error.hint or "allstop log --coordinator",
        )
        return
    except AllstopError as error:
        hanging = None if session.settings.url else process_of(running(session.settings))
        hint = (
            error.hint
            if hanging is None
            else f"process {hanging.pid} hangs: allstop down, then allstop up --detach"
        )
        yield Finding("coordinator", "fail", error.text, hint)
        return
    yield Finding("coordinator", "ok", f"ready at {address}")
    answer = session.client_within(SECONDS).get("overview")
    yield Finding("you", "ok", "recognised, and allowed to look")
    off = abs(between(session.launch.now(), answer.at)) if answer.at else 0
    state = "fail" if off > CLOCK_FAIL_MS else "warn" if off > CLOCK_WARN_MS else "ok"
    text = (
        f"differs from the coordinator's by {words(off)}"
        if state != "ok"
        else "agrees with the coordinator's"
    )
    yield Finding("clock", state, text, "set the clocks by NTP" if state != "ok" else "")


def _adapters(session: Session) -> Iterator[Finding]:
    found: list[dict[str, Any]] = session.client_within(SECONDS).get("adapters").data
    broken = [one for one in found if one["unavailable"]]
    for one in broken:
        yield Finding(
            "adapters",
            "warn",
            f"{one['name']} cannot be used: {one['unavailable']}",
            "allstop adapters",
        )
    if not broken:
        yield Finding("adapters", "ok", f"{len(found)} can be used")


def _agents(session: Session) -> Iterator[Finding]:
    found: list[dict[str, Any]] = session.client_within(SECONDS).get("agents").data
    lost = [f"{one['id']} {one['state']}" for one in found if one["state"] in OUT_OF_REACH]
    if lost:
        yield Finding("agents", "warn", f"out of reach: {', '.join(lost)}", "allstop rollcall")
    elif not found:
        yield Finding(
            "agents",
            "warn",
            "none is registered, so none can be stopped",
            "add them to roster.yaml",
        )
    else:
        yield Finding("agents", "ok", f"{len(found)} registered, none known to be out of reach")


def _effects(session: Session) -> Iterator[Finding]:
    found: list[dict[str, Any]] = session.client_within(SECONDS).get("effects").data
    parked = sum(1 for one in found if one["state"] == "parked")
    if parked:
        yield Finding(
            "effects",
            "warn",
            f"{parked} ended nobody knows how, and wait for a person",
            "allstop effects",
        )
    else:
        yield Finding("effects", "ok", "none waits for a person")


LIVE: tuple[tuple[str, Callable[[Session], Iterator[Finding]]], ...] = (
    ("policy", _policy), ("adapters", _adapters), ("agents", _agents), ("effects", _effects),
)  # fmt: skip


def _size(count: int) -> str:
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
