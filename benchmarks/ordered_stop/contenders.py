"""Who stops the fleet: Allstop, the reference, and what people use today; each starts its clock at its command."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import uvloop

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.sqlite import SqliteStore
from allstop.application.command_post import CommandPost, Request
from allstop.application.hub import Hub
from allstop.application.runner import Runner
from allstop.bootstrap import settle_memory
from allstop.domain.incident.commands import Approve, DeclareIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, StartPlan
from allstop.domain.policy import (
    ActionSpec,
    Dependency,
    DependencyKind,
    FleetLimits,
    ProbeSpec,
    Service,
)
from allstop.domain.policy import Fleet as Services
from allstop.domain.principal import Kind, Principal
from allstop.plugins import InstalledAdapters
from benchmarks.ordered_stop import peers
from benchmarks.ordered_stop.ground import Case, Fleet
from tests.domain.builders import policy

OWNER = Request(Principal("eve", Kind.PERSON))
# When the command was given, by the monotonic clock in nanoseconds.
Run = Callable[[Fleet], int]


# --- Allstop ----------------------------------------------------------------------------------------


# How one service is stopped, and what proves it.
Ways = Callable[[str], tuple[ActionSpec, ProbeSpec]]


def described(fleet: Fleet, way: Ways) -> Services:
    """The fleet as documents would say it, without limits."""

    def one(name: str, needs: tuple[str, ...]) -> Service:
        stop, gone = way(name)
        depends = tuple(Dependency(to, DependencyKind.HARD) for to in needs)
        return Service(name, name, "internal", 50, False, False, depends, (), {"stop": stop}, {"stopped": gone}, {})  # fmt: skip

    return Services(
        tuple(one(name, needs) for name, needs in fleet.case.needs.items()),
        limits=FleetLimits(together=0, per_host=0),
    )


def allstop(fleet: Fleet) -> int:
    """The real store, command post and runner; every step journalled before and after."""

    def way(name: str) -> tuple[ActionSpec, ProbeSpec]:
        options = {"pid_file": str(fleet.pid_file(name))}
        gone = ProbeSpec(f"{name}-gone", name, "process", {**options, "expect": "gone"}, 5_000, 1, 1)  # fmt: skip
        return ActionSpec("process", "stop", options, 10_000), gone

    # As the coordinator runs.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(by_allstop(fleet, way))


async def by_allstop(fleet: Fleet, way: Ways) -> int:
    """Plan, agree and run, in a coordinator's own parts. Raises RuntimeError when the plan is held."""
    clock, crash = SystemClock(), NoCrashPoints()
    store = SqliteStore(fleet.folder / "allstop.db")
    await store.open("bench")
    post = CommandPost(store, clock, crash)
    post.load(replace(policy(), fleet=described(fleet, way)))
    hub = Hub(store)
    runner = Runner(post, store, hub, InstalledAdapters(), clock, crash)
    # As a coordinator does once it has read everything in.
    settle_memory()
    task = asyncio.create_task(runner.run())
    try:
        await post.do(DeclareIncident("the whole fleet stops", (), "person:eve"), OWNER)
        await post.do(DrawPlan("INC-1", Asked("stop", ("all",))), OWNER)
        plan = post.world.plans["PLAN-1"]
        if plan.approve:
            await post.do(Approve("INC-1", "plan:PLAN-1", plan.hash), OWNER)
        began = time.monotonic_ns()
        await post.do(StartPlan("PLAN-1"), OWNER)
        news = hub.waker()
        while post.world.plans["PLAN-1"].ended_at is None:
            if post.world.plans["PLAN-1"].state == "held":
                raise RuntimeError(post.world.plans["PLAN-1"].held_because)
            news.clear()
            await news.wait()
        return began
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


# --- references: the same order with nothing written down ------------------------------------------------


def event_driven(fleet: Fleet) -> int:
    """TERM as soon as one's own dependents are gone, seen on a pidfd; no journal, no proof, no limits."""
    return asyncio.run(_event_driven(fleet))


async def _event_driven(fleet: Fleet) -> int:
    loop = asyncio.get_running_loop()
    dependents: dict[str, set[str]] = {name: set() for name in fleet.case.needs}
    for name, needs in fleet.case.needs.items():
        for one in needs:
            dependents[one].add(name)
    over = asyncio.Event()
    left = set(fleet.case.needs)

    def stop(name: str) -> None:
        pid = fleet.running[name].pid
        descriptor = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        loop.add_reader(descriptor, gone, name, descriptor)

    def gone(name: str, descriptor: int) -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        left.discard(name)
        if not left:
            over.set()
        for one in fleet.case.needs[name]:
            dependents[one].discard(name)
            if not dependents[one]:
                stop(one)

    began = time.monotonic_ns()
    for name in [name for name, waits in dependents.items() if not waits]:
        stop(name)
    await over.wait()
    return began


def waves(fleet: Fleet) -> int:
    """Everybody of a level at once, and the next level when the last of them is gone."""
    began = time.monotonic_ns()
    for level in fleet.case.levels():
        for name in level:
            os.kill(fleet.running[name].pid, signal.SIGTERM)
        for name in level:
            fleet.running[name].wait()
    return began


# --- supervisord's own shutdown ---------------------------------------------------------------------------


def supervisord(fleet: Fleet) -> int:
    """One group for each level, its priority the level, and `shutdown`: the way its manual offers."""
    levels = fleet.case.levels()
    lines = [
        "[supervisord]", f"logfile={fleet.folder}/supervisord.log", f"pidfile={fleet.folder}/supervisord.pid",
        "nodaemon=true", "[unix_http_server]", f"file={fleet.folder}/supervisor.sock",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]", f"serverurl=unix://{fleet.folder}/supervisor.sock",
    ]  # fmt: skip
    for number, level in enumerate(levels):
        # Higher priorities stop first.
        lines += [f"[group:level{number}]", f"programs={','.join(level)}", f"priority={1000 - number}"]  # fmt: skip
        for name in level:
            lines += [f"[program:{name}]", f"command={' '.join(fleet.argv(name))}", "startsecs=0", "autorestart=false"]  # fmt: skip
    config = fleet.folder / "supervisord.conf"
    config.write_text("\n".join(lines) + "\n")
    program = Path(sys.executable).with_name("supervisord")
    control = [str(program.with_name("supervisorctl")), "-c", str(config)]
    with subprocess.Popen([str(program), "-c", str(config)], stdout=subprocess.DEVNULL) as daemon:
        until_running(control, len(fleet.case.needs))
        began = time.monotonic_ns()
        subprocess.run([*control, "shutdown"], check=True, stdout=subprocess.DEVNULL)
        daemon.wait()
    return began


def until_running(control: list[str], count: int) -> None:
    """Return when so many programs are RUNNING. Raises RuntimeError when that takes a minute."""
    for _ in range(120):
        said = subprocess.run([*control, "status"], capture_output=True, text=True, check=False)
        if said.stdout.count("RUNNING") == count:
            time.sleep(0.5)
            return
        time.sleep(0.5)
    raise RuntimeError("supervisord did not start the fleet")


# --- Ansible --------------------------------------------------------------------------------------------


def ansible(fleet: Fleet) -> int:
    """A play for each level with as many forks as services, `raw`, over the local connection."""
    plays = []
    for level in fleet.case.levels():
        hosts = ",".join(level)
        plays.append(
            f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n"
            "    - raw: kill -TERM {{ pid }}; while kill -0 {{ pid }} 2>/dev/null; do sleep 0.01; done\n"
        )
    (fleet.folder / "stop.yml").write_text("".join(plays))
    rows = [f"{name} ansible_connection=local pid={one.pid}" for name, one in fleet.running.items()]
    (fleet.folder / "inventory").write_text("\n".join(rows) + "\n")

    program = peers.program("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_FORKS": "20", "ANSIBLE_HOME": str(fleet.folder), "LC_ALL": "C.UTF-8"}  # fmt: skip
    began = time.monotonic_ns()
    subprocess.run(
        [str(program), "-i", "inventory", "stop.yml"], cwd=fleet.folder, env=environment,
        stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return began


def contenders() -> dict[str, tuple[Run, bool]]:
    """By name: how it runs, and whether the fleet is started for it. Those not installed are left out."""
    found: dict[str, tuple[Run, bool]] = {
        "allstop": (allstop, True),
        "reference, event-driven": (event_driven, True),
        "reference, waves": (waves, True),
    }
    if Path(sys.executable).with_name("supervisord").exists():
        found["supervisord, shutdown, a group a level"] = (supervisord, False)
    if peers.program("ansible-playbook"):
        found["ansible, a play a level, raw"] = (ansible, True)
    return found


def bound(case: Case) -> float:
    return case.bound_ms
