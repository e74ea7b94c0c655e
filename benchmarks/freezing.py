"""How long it takes until nothing of an agent runs, and until that has been read back: 20 trees of processes in 21 sessions.

Beside it, in turns on the same processes, the bare write to the kernel's freezer, read back once. `group` is ours for the group
alone; `whole` is what a host does on an order: the group, then a look at every process of the machine for any that bears
the agent's mark and is not inside. `twenty agents` are 20 groups of 2 processes, frozen by one order.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from allstop.adapters.mechanisms.cgroups import Group, NoGroup, group_at, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.domain.effects import Ending
from allstop.host.door import Peer
from allstop.host.held import Held
from benchmarks.halt_push import spread

ROUNDS = 40
TREES = 20
AGENTS = 20
GOALS_MS = {"whole": 10.0}
# Waits for a word, then has so many children, each with a session of its own and something to do.
_AGENT = """
import os, sys, time
sys.stdin.read(1)
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(0.005)
print("ready", flush=True)
time.sleep(3600)
"""


def measure() -> dict[str, object]:
    """Milliseconds of each; what happens to be on the machine besides is counted, as a look takes it in."""
    try:
        make_group(f"try-{uuid.uuid4().hex[:10]}").remove()
    except NoGroup as error:
        return {"skipped": f"no control group may be made here: {error}"}
    return asyncio.run(_measured())


async def _measured() -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="allstop-freeze-") as name, ExitStack() as stack:
        held = Held(Path(name), lambda _: "")
        one = stack.enter_context(agent(held, TREES))
        group = _group(held, one)
        bare, own, whole = [], [], []
        for number in range(ROUNDS):
            bare.append(_bare(group))
            began = time.perf_counter()
            assert not group.freeze(Deadline.within(5000)).unruly
            own.append(time.perf_counter() - began)
            group.thaw(Deadline.within(5000))
            whole.append(await _by_order(held, (one,), 2 * number + 1))
        crowd = [stack.enter_context(agent(held, 1)) for _ in range(AGENTS)]
        many = [await _by_order(held, crowd, 1000 + 2 * number) for number in range(ROUNDS // 4)]
        return {
            "processes on the machine": sum(one.name.isdigit() for one in Path("/proc").iterdir()),
            "bare write, read back": spread(bare), "group": spread(own), "whole": spread(whole),
            "twenty agents, one order": spread(many), "goals_ms": GOALS_MS,
        }  # fmt: skip


def _bare(group: Group) -> float:
    """What the kernel needs: one write, and its word that nothing runs."""
    name, yes, no = (
        ("freezer.state", "FROZEN", "THAWED") if group.version == 1 else ("cgroup.freeze", "1", "0")
    )
    began = time.perf_counter()
    (group.path / name).write_text(yes)
    while not group.frozen():
        pass
    took = time.perf_counter() - began
    (group.path / name).write_text(no)
    while group.frozen():
        time.sleep(0.0005)
    return took


async def _by_order(held: Held, agents: list[str] | tuple[str, ...], seq: int) -> float:
    began = time.perf_counter()
    seen = await held.follow(agents, lambda _: False, seq)
    took = time.perf_counter() - began
    for name in agents:
        assert seen[name].ending is Ending.DONE, seen[name]
    await held.follow((), lambda _: False, seq + 1)
    return took


@contextmanager
def agent(held: Held, trees: int) -> Iterator[str]:
    """An agent in a group of its own; all its processes are there when it is given."""
    name = f"bench-{uuid.uuid4().hex[:10]}"
    words = [sys.executable, "-S", "-c", _AGENT, str(trees)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"ALLSTOP_AGENT": name}
    )
    asked = {"agent": name, "team": "bench", "runtime": "python", "worktree": "", "pid": process.pid}  # fmt: skip
    held.enter(asked, Peer(os.getpid(), os.getuid()), lambda _: False)
    group = _group(held, name)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"g")
        process.stdin.flush()
        process.stdout.readline()
        yield name
    finally:
        group.kill(Deadline.within(5000))
        process.communicate()
        group.remove()


def _group(held: Held, name: str) -> Group:
    return group_at(str(held.agents[name].options["cgroup"]))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
