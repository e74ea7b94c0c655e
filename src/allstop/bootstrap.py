"""The composition root: the only place, beside `testing`, that names concrete adapters."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import pwd
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import structlog
import uvloop

from allstop import __version__
from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import ProcessCrashPoints
from allstop.adapters.kept_file import KeptFile
from allstop.adapters.randomness import new_name, new_secret, random_share
from allstop.adapters.report_files import ReportFiles
from allstop.adapters.signing import CheckpointFile, PinnedKeys, PublicKeys, SigningKey
from allstop.adapters.sqlite import SqliteLog, SqliteStore
from allstop.adapters.surroundings import OwnSurroundings
from allstop.application.access import Access
from allstop.application.audit import AuditSource, Report, verify
from allstop.application.codec import read_policy as read_policy_body
from allstop.application.codec import write_policy as write_policy_body
from allstop.application.command_post import REPLAY_BATCH, CommandPost
from allstop.application.coordinator import Coordinator
from allstop.application.hosts import Hosts
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import Clock, Store
from allstop.application.preflight import Preflight, WithCoordinator
from allstop.application.preflight_watch import PreflightWatch
from allstop.application.releases import PINNED, Releases
from allstop.application.reporting.paper import Paper
from allstop.application.reports import Reports, Typesetter
from allstop.application.runner import Runner
from allstop.application.sealer import Sealer
from allstop.application.standing_orders import StandingOrders
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.policy import Fleet, Policy
from allstop.domain.principal import Principal
from allstop.errors import Invalid
from allstop.faces.http.server import serve
from allstop.faces.web import HALTING_CODE_MS, Sessions, routes
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import Loaded, Problem, load
from allstop.protocol.standalone_fleet import load_fleet
from allstop.settings import Settings, prepare_state, read_settings

log = structlog.get_logger("allstop.bootstrap")

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


# Allocations before the youngest objects are looked through, and how often the older ones are. A preview of
# 10,000 services makes some 150,000 objects that are all kept: with the interpreter's own numbers (700, 10, 10)
# looking through them again and again took as long as making them. `python -m benchmarks fleet-planning`.
COLLECT_AFTER = (20_000, 20, 20)


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
    found: Policy | Invalid
    try:
        # Without the date: a clock that is wrong must keep no coordinator from starting.
        found = _policy(settings.home, adapters)
    except Invalid as error:
        if not settings.database.exists():
            raise
        found = error
    crash = ProcessCrashPoints()
    store = SqliteStore(settings.database, crash=crash)
    await store.open(f"{os.getpid()}-{new_name()}")
    try:
        return _on_store(settings, adapters, store, crash, found)
    except BaseException:
        # Whoever mends what was wrong must not find the database taken.
        await store.close()
        raise


def _on_store(
    settings: Settings, adapters: InstalledAdapters, store: SqliteStore, crash: ProcessCrashPoints,
    found: Policy | Invalid,
) -> Coordinator:  # fmt: skip
    """The coordinator on an open store. found: the policy of the documents, or why they have none."""
    clock, kept = SystemClock(), KeptFile(settings.state / "policy.json")
    policy = _last_good(store, kept, found) if isinstance(found, Invalid) else found
    kept.keep(write_policy_body(policy))
    post = CommandPost(store, clock, crash)
    post.load(policy, found.text if isinstance(found, Invalid) else "")
    hub = Hub(store)
    monitor = Monitor(post, adapters, clock, crash)
    views = Views(post, store, monitor, clock)
    own = OwnSurroundings(settings.home, lambda: _errors_in(settings.home, adapters, _day(clock)))
    preflight = Preflight(post, store, adapters, monitor, clock, own)
    trust = Trust.of(settings)
    signing = SigningKey(trust.key)
    sealer = Sealer(store, signing, CheckpointFile(trust.checkpoints), clock)
    sealer.resume()
    access = Access(post, store, clock, _login_of, new_secret)
    orders = StandingOrders(post, store, hub, clock, signing)

    async def audit() -> dict[str, Any]:
        await sealer.seal()
        return await asyncio.to_thread(_audited, store, trust)

    def read_again() -> Policy:
        policy = _policy(settings.home, adapters, _day(clock))
        kept.keep(write_policy_body(policy))
        return policy

    return Coordinator(
        home=settings.home,
        version=__version__,
        started_at=clock.now().utc,
        post=post,
        store=store,
        hub=hub,
        views=views,
        access=access,
        reports=Reports(views, post, clock, ReportFiles(settings.home), _typesetter()),
        adapters=adapters,
        clock=clock,
        monitor=monitor,
        runner=Runner(post, store, hub, WithCoordinator(adapters, preflight), clock, crash),
        timekeeper=Timekeeper(post, hub, clock, crash),
        read_policy=read_again,
        audit=audit,
        background=(sealer.run,),
        checks=PreflightWatch(
            preflight, post, clock, random_share, KeptFile(settings.state / "preflight.json")
        ),
        hosts=Hosts(post, orders, access, clock),
        releases=Releases(post, PinnedKeys(settings.state / PINNED), clock),
    )


def _typesetter() -> Typesetter | None:
    """What makes PDFs, when the extra that brings it is installed."""
    if find_spec("reportlab") is None:
        return None

    def typeset(paper: Paper) -> bytes:
        # A second of imports that only a PDF is worth.
        found: Typesetter = import_module("allstop.adapters.report_pdf").typeset
        return found(paper)

    return typeset


def _last_good(store: Store, kept: KeptFile, broken: Invalid) -> Policy:
    """The policy that was in force last: documents that broke must not keep an emergency from going on.

    The one that is kept may be newer than any incident; without it, that of the newest incident counts.
    Raises `broken` when no incident was ever declared.
    """
    digest, after = "", 0
    while batch := store.records(after, REPLAY_BATCH):
        for one in batch:
            if one.kind == "incident.declared":
                digest = str(json.loads(one.body)["policy"])
        after = batch[-1].position
    body = store.policies().get(digest)
    if body is None:
        raise broken
    policy = _kept_policy(kept) or read_policy_body(body)
    log.error("the documents are broken, the last good policy stays in force", because=broken.text)
    return policy


def _kept_policy(kept: KeptFile) -> Policy | None:
    body = kept.read()
    try:
        return read_policy_body(body) if body else None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        log.warning("the policy that was kept cannot be read", because=str(error))
        return None


def run_coordinator(home: Path, ready: Callable[[int], None]) -> int:
    """Run a coordinator with its console and API until it is told to stop; returns the exit code.

    ready: called with the TCP port once requests are answered. Raises Invalid, Unavailable, Corrupt.
    """
    settings = read_settings(home)
    prepare_state(settings)
    _configure_log(settings.log_level)
    # Relative paths in the documents mean the project folder, wherever `up` was typed.
    os.chdir(settings.home)
    # A loop in C: a fifth less work for each watcher, and a little less for each step of a plan.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, ready))
    return 0


def settle_memory() -> None:
    """Tell the collector that what was read at the start stays, and that much of what is made lives long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _serve(settings: Settings, ready: Callable[[int], None]) -> None:
    coordinator = await open_coordinator(settings)
    settle_memory()
    sessions = Sessions(coordinator.clock, new_secret)
    bound: list[int] = []

    def noted(port: int) -> None:
        bound.append(port)
        _write_run_file(settings, coordinator, port)
        ready(port)

    def console_link(who: Principal, halting: bool) -> str:
        code = (
            sessions.new_code(who, HALTING_CODE_MS, "/halt") if halting else sessions.new_code(who)
        )
        return f"http://{settings.bind}:{bound[0]}/enter?code={code}"

    coordinator.access.when_revoked(sessions.end_all)
    stop = asyncio.Event()
    closing = asyncio.create_task(_close_sessions(stop, sessions))
    try:
        await serve(
            coordinator, settings.bind, settings.port, settings.socket,
            routes(coordinator, sessions), settings.hosts,
            ready=noted, stop=stop, console_link=console_link,
        )  # fmt: skip
    finally:
        closing.cancel()
        settings.run_file.unlink(missing_ok=True)
        await coordinator.store.close()


async def _close_sessions(stop: asyncio.Event, sessions: Sessions) -> None:
    """Open pages would hold up the shutdown; end them as soon as it begins."""
    await stop.wait()
    sessions.close()


def _write_run_file(settings: Settings, coordinator: Coordinator, port: int) -> None:
    """Say which process this is and where it listens, for `status`, `down` and other tools."""
    text = json.dumps(
        {
            "pid": os.getpid(),
            "create_time": psutil.Process().create_time(),
            "port": port,
            "url": f"http://{settings.bind}:{port}",
            "socket": str(settings.socket),
            "version": coordinator.version,
            "started_at": coordinator.started_at.isoformat(),
        }
    )
    draft = settings.run_file.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(settings.run_file)


def _configure_log(level: str) -> None:
    """One JSON object per line on standard error; `up --detach` sends it to coordinator.log."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def check_documents(home: Path) -> tuple[tuple[Problem, ...], bool]:
    """All problems of a project's documents, and whether a coordinator would take them."""
    loaded = _load(home, InstalledAdapters(), _day(SystemClock()))
    return loaded.problems, loaded.policy is not None


def check_fleet(path: Path) -> tuple[Fleet | None, tuple[Problem, ...]]:
    """One fleet document by itself: the fleet, None when it has errors, and all its problems."""
    return load_fleet(path, catalogue_of(InstalledAdapters()))


def read_policy(home: Path) -> Policy:
    """The policy of a project's documents. Raises Invalid with every problem."""
    return _policy(home, InstalledAdapters(), _day(SystemClock()))


def verify_offline(home: Path) -> dict[str, Any]:
    """Audit the database file of a project as it lies there; changes nothing, works on a damaged one."""
    settings = read_settings(home)
    return _audited(SqliteLog(settings.database), Trust.of(settings))


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
        "first_bad": None
        if first is None
        else {"position": first.position, "kind": first.kind, "text": first.text},
        "problems": [
            {"kind": one.kind, "position": one.position, "text": one.text}
            for one in report.problems[:100]
        ],
    }


def _day(clock: Clock) -> date:
    """Today, in UTC."""
    return clock.now().utc.date()


def _load(home: Path, adapters: InstalledAdapters, today: date | None) -> Loaded:
    return load(home, catalogue_of(adapters), today)


def _policy(home: Path, adapters: InstalledAdapters, today: date | None = None) -> Policy:
    loaded = _load(home, adapters, today)
    if loaded.policy is None:
        hint = "mend the documents; `allstop protocol check` lists everything"
        raise Invalid("\n".join(_errors_of(loaded)), hint)
    return loaded.policy


def _errors_in(home: Path, adapters: InstalledAdapters, today: date) -> list[str]:
    """What keeps a project's documents from being adopted now."""
    loaded = _load(home, adapters, today)
    return [] if loaded.policy is not None else _errors_of(loaded) or ["they cannot be read"]


def _errors_of(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems if problem.is_error]


def _login_of(uid: int) -> str | None:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return None
