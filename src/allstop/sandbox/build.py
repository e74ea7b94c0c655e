"""Makes a sandbox folder: a git repository per service, data, logs, the agents' workspace."""

from __future__ import annotations

import json
import random
import shutil
import socket
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from allstop.sandbox import history
from allstop.sandbox.agent_work import WORKSPACE_FILES
from allstop.sandbox.gitrepo import Author, Repository
from allstop.sandbox.layout import (
    AGENTS,
    LOAD,
    SERVICES,
    Layout,
    SandboxError,
    write_json,
)

SHARED = ("wire", "switches")
"""Modules that every release has a copy of."""

_LOWEST_PORT = 15_000


def build(layout: Layout) -> None:
    """Make whatever part of the sandbox is not there yet; a built sandbox is left as it is.

    Raises GitError when git fails and SandboxError when no ports are free.
    """
    layout.adopt()
    for folder in (layout.data, layout.logs, layout.agents_home):
        folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    if not layout.releases.exists():
        # Built aside and renamed, so that an interrupted build is not taken for a finished one.
        draft = layout.releases.with_name("releases.draft")
        shutil.rmtree(draft, ignore_errors=True)
        for service in SERVICES:
            _build_release(draft / service, service, now)
        draft.rename(layout.releases)
    if not layout.workspace.exists():
        _build_workspace(layout, now)
    repository = Repository(layout.workspace)
    for agent in AGENTS:
        if not layout.worktree(agent).exists():
            _add_worktree(repository, layout.worktree(agent), f"agent/{agent}")


def choose_ports(layout: Layout) -> dict[str, int]:
    """A free loopback port for each service and the load generator, the same ones as last time.

    Ports stay below the range the kernel takes outgoing connections' ports from: otherwise a
    client could sit on a stopped service's port, or even connect to itself there.
    """
    names = (*SERVICES, LOAD)
    if layout.ports.exists():
        known: dict[str, int] = json.loads(layout.ports.read_text(encoding="utf-8"))
        if set(known) == set(names) and all(map(_is_free, known.values())):
            return known
    highest = _first_ephemeral_port() - 1
    numbers = range(min(_LOWEST_PORT, highest - 2000), highest)
    free: list[int] = []
    for number in random.sample(numbers, len(numbers)):
        if _is_free(number):
            free.append(number)
        if len(free) == len(names):
            chosen = dict(zip(names, free, strict=True))
            write_json(layout.ports, chosen)
            return chosen
    raise SandboxError("no free loopback ports")


def write_release(folder: Path, source: str, version: str) -> None:
    """Write a release's program and version; the rest of the folder stays as it is."""
    (folder / "service.py").write_text(source, encoding="utf-8")
    (folder / "VERSION").write_text(f"{version}\n", encoding="utf-8")


def release_source(service: str) -> str:
    """The program of a service's good release, able to run in a folder of its own."""
    text = files("allstop.sandbox.shop").joinpath(f"{service}.py").read_text(encoding="utf-8")
    for module in SHARED:
        text = text.replace(f"from allstop.sandbox.shop.{module} import", f"from {module} import")
    return text


def _build_release(folder: Path, service: str, now: datetime) -> None:
    repository = Repository.create(folder, history.RELEASES)
    source = release_source(service)
    for module in SHARED:
        (folder / f"{module}.py").write_text(release_source(module), encoding="utf-8")
    (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    readme = folder / "README.md"
    readme.write_text(f"# {service}\n\nRun `python service.py` in this folder.\n", encoding="utf-8")
    if service == "payments":
        history.write_payments(
            repository, source, lambda text, version: write_release(folder, text, version), now
        )
        return
    write_release(folder, source, "1.0.0")
    repository.commit(f"{service}: first release", history.MARTA, now - timedelta(days=40))
    with readme.open("a", encoding="utf-8") as file:
        file.write(f"\n{history.FIRST_NOTES[service]}\n")
    write_release(folder, source, "1.0.1")
    repository.commit(
        f"{service}: say what operators must know", history.IDRIS, now - timedelta(days=17)
    )


def _build_workspace(layout: Layout, now: datetime) -> None:
    draft = layout.workspace.with_name("workspace.draft")
    shutil.rmtree(draft, ignore_errors=True)
    repository = Repository.create(draft, Author("Workspace", "workspace@shop.example"))
    for name, text in WORKSPACE_FILES.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    repository.commit("toolkit: first version", history.MARTA, now - timedelta(days=12))
    draft.rename(layout.workspace)


def _add_worktree(repository: Repository, folder: Path, branch: str) -> None:
    repository.run("worktree", "prune")
    exists = repository.run("branch", "--list", branch)
    how = (str(folder), branch) if exists else ("-b", branch, str(folder), "main")
    repository.run("worktree", "add", "--quiet", *how)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the services do it: a port whose old connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return 32_768
    return max(int(text.split()[0]), 4_096)
