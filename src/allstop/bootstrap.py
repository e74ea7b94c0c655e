"""The composition root: the only place, beside `testing`, that names concrete adapters."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop import __version__
from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import ProcessCrashPoints
from allstop.adapters.report_files import ReportFiles
from allstop.adapters.signing import CheckpointFile, PublicKeys, SigningKey
from allstop.adapters.sqlite import SqliteStore
from allstop.application.access import Access
from allstop.application.audit import AuditSource, Report, verify
from allstop.application.command_post import CommandPost
from allstop.application.coordinator import Coordinator
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.reports import Reports
from allstop.application.runner import Runner
from allstop.application.sealer import Sealer
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.policy import Policy
from allstop.errors import Invalid
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import Loaded, Problem, load
from allstop.settings import Settings, prepare_state, read_settings


@dataclass(frozen=True, slots=True)
class Trust:
    """The files by which others can check the log: key, public keys, signed checkpoints."""

    key: Path
    public: Path
    checkpoints: Path

    @classmethod
    def of(cls, settings: Settings) -> Trust:
        state = settings.state
        return cls(state / "signing.key", state / "signing.key.pub", state / "checkpoints.jsonl")


async def open_coordinator(settings: Settings) -> Coordinator:
    """A coordinator on the project's database, its log read back; nothing runs yet.

    Raises Invalid for documents with errors, Unavailable when another coordinator holds the database,
    Corrupt when the database does not pass its checks.
    """
    adapters = InstalledAdapters()
    policy = _policy(settings.home, adapters)
    clock, crash = SystemClock(), ProcessCrashPoints()
    store = SqliteStore(settings.database, crash=crash)
    await store.open(f"{os.getpid()}-{secrets.token_hex(4)}")
    post = CommandPost(store, clock, crash)
    post.load(policy)
    hub = Hub(store)
    monitor = Monitor(post, adapters, clock, crash)
    views = Views(post, store, monitor, clock)
    trust = Trust.of(settings)
    sealer = Sealer(store, SigningKey(trust.key), CheckpointFile(trust.checkpoints), clock)
    sealer.resume()

    async def audit() -> dict[str, Any]:
        await sealer.seal()
        return await asyncio.to_thread(_audited, store, trust)

    return Coordinator(
        home=settings.home,
        version=__version__,
        started_at=clock.now().utc,
        post=post,
        store=store,
        hub=hub,
        views=views,
        access=Access(post, store, clock, _login_of, _new_secret),
        reports=Reports(views, post, clock, ReportFiles(settings.home)),
        adapters=adapters,
        clock=clock,
        monitor=monitor,
        runner=Runner(post, store, hub, adapters, clock, crash),
        timekeeper=Timekeeper(post, hub, clock, crash),
        read_policy=lambda: _policy(settings.home, adapters),
        audit=audit,
        background=(sealer.run,),
    )


def check_documents(home: Path) -> tuple[tuple[Problem, ...], bool]:
    """All problems of a project's documents, and whether a coordinator would start with them."""
    loaded = _load(home, InstalledAdapters())
    return loaded.problems, loaded.policy is not None


def verify_offline(home: Path) -> dict[str, Any]:
    """Audit the database file of a project that no coordinator holds. Raises Unavailable, Corrupt."""
    settings = read_settings(home)

    async def run() -> dict[str, Any]:
        store = SqliteStore(settings.database)
        await store.open(f"audit-{os.getpid()}")
        try:
            return _audited(store, Trust.of(settings))
        finally:
            await store.close()

    return asyncio.run(run())


def _audited(source: AuditSource, trust: Trust) -> dict[str, Any]:
    report = verify(source, PublicKeys(trust.public), CheckpointFile(trust.checkpoints).lines())
    return _told(report)


def _told(report: Report) -> dict[str, Any]:
    first = report.first_bad
    return {
        "ok": report.ok,
        "entries": report.entries,
        "streams": report.streams,
        "checkpoints": report.checkpoints,
        "exported": report.exported,
        "unsealed": report.unsealed,
        "first_bad": None if first is None else {"position": first.position, "kind": first.kind, "text": first.text},
        "problems": [
            {"kind": one.kind, "position": one.position, "text": one.text} for one in report.problems[:100]
        ],
    }


def _load(home: Path, adapters: InstalledAdapters) -> Loaded:
    return load(home, catalogue_of(adapters))


def _policy(home: Path, adapters: InstalledAdapters) -> Policy:
    loaded = _load(home, adapters)
    if loaded.policy is None:
        found = [str(problem) for problem in loaded.problems if problem.is_error]
        raise Invalid("\n".join(found), "mend the documents; `allstop protocol check` lists everything")
    return loaded.policy


def _login_of(uid: int) -> str | None:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return None


def _new_secret() -> str:
    return secrets.token_urlsafe(32)
