"""Eyes of the demo's own: when each process of the shop ended and began, told by the kernel, not by Allstop."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from allstop.sandbox.control import ControlClient
from allstop.sandbox.documents_fleet import NEEDS
from allstop.sandbox.layout import SERVICES

_EVERY_MS = 20


@dataclass(frozen=True)
class Edge:
    """`who` needs `whom`."""

    who: str
    whom: str
    kind: str


EDGES = tuple(Edge(who, whom, kind) for who, needs in NEEDS.items() for whom, kind in needs.items())


@dataclass
class Ends:
    """Watches the processes of the services until each is gone. at: when, in monotonic seconds.

    A pidfd becomes readable at the very end of its process, and never speaks of another one.
    """

    at: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def watch(self, control: ControlClient) -> None:
        """Begin with the processes that run now. Raises SandboxError or OSError."""
        found = control.status()["services"]
        pids = {one["service"]: one["pid"] for one in found if one["service"] in SERVICES}
        handles = {os.pidfd_open(pid): name for name, pid in pids.items() if pid}
        self._thread = threading.Thread(target=self._wait, args=(handles,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def _wait(self, handles: dict[int, str]) -> None:
        poll = select.poll()
        for handle in handles:
            poll.register(handle, select.POLLIN)
        left = dict(handles)
        while left and not self._over.is_set():
            for handle, _ in poll.poll(_EVERY_MS):
                self.at[left.pop(handle)] = time.monotonic()
                poll.unregister(handle)
        for handle in handles:
            os.close(handle)


def begins(control: ControlClient) -> dict[str, int]:
    """When the process of each service that runs began: clock ticks since the boot. Raises SandboxError."""
    found: dict[str, int] = {}
    for one in control.status()["services"]:
        if one["service"] in SERVICES and one["pid"]:
            text = Path(f"/proc/{one['pid']}/stat").read_text(encoding="utf-8", errors="replace")
            # The command's name is in parentheses and may hold anything; start time is field 22.
            found[one["service"]] = int(text.rpartition(")")[2].split()[19])
    return found


def broken_by_stop(at: Mapping[str, float]) -> tuple[Edge, ...]:
    """The edges that a stop has broken: somebody was still there when what they need had ended."""
    return tuple(
        edge
        for edge in EDGES
        if edge.whom in at and (edge.who not in at or at[edge.who] > at[edge.whom])
    )


def broken_by_start(at: Mapping[str, int]) -> tuple[Edge, ...]:
    """The edges that a start has broken: somebody began no later than what they need."""
    return tuple(
        edge
        for edge in EDGES
        if edge.who in at and (edge.whom not in at or at[edge.who] <= at[edge.whom])
    )
