"""Allstop stops the programs of one supervisord, in the order of the graph, by its supervisor adapter."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from allstop.domain.policy import ActionSpec, ProbeSpec
from benchmarks.ordered_stop.contenders import by_allstop, until_running
from benchmarks.ordered_stop.ground import Fleet

NAME = "allstop, through supervisord"


def missing() -> str:
    """Why it cannot be tried here; empty when it can."""
    program = Path(sys.executable).with_name("supervisord")
    return "" if program.exists() else "supervisord is not installed beside this Python"


def allstop_through_supervisor(fleet: Fleet) -> int:
    """All programs under one supervisord without any order of its own; every end proven by its probe."""
    socket = fleet.folder / "supervisor.sock"
    config = fleet.folder / "supervisord.conf"
    lines = [
        "[supervisord]", f"logfile={fleet.folder}/supervisord.log", f"pidfile={fleet.folder}/supervisord.pid",
        "nodaemon=true", "[unix_http_server]", f"file={socket}", "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]", f"serverurl=unix://{socket}",
    ]  # fmt: skip
    for name in fleet.case.needs:
        lines += [f"[program:{name}]", f"command={' '.join(fleet.argv(name))}", "startsecs=0", "autorestart=false"]  # fmt: skip
    config.write_text("\n".join(lines) + "\n")

    def way(name: str) -> tuple[ActionSpec, ProbeSpec]:
        where = {"url": f"unix://{socket}", "process": f"{name}:{name}"}
        gone = ProbeSpec(f"{name}-gone", name, "supervisor", {**where, "expect": "stopped"}, 5_000, 1, 1)  # fmt: skip
        return ActionSpec("supervisor", "stop", where, 10_000), gone

    program = Path(sys.executable).with_name("supervisord")
    control = [str(program.with_name("supervisorctl")), "-c", str(config)]
    with subprocess.Popen([str(program), "-c", str(config)], stdout=subprocess.DEVNULL) as daemon:
        try:
            until_running(control, len(fleet.case.needs))
            return asyncio.run(by_allstop(fleet, way))
        finally:
            daemon.terminate()
