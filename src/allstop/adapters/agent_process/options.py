"""Where an agent lives, and the words of the order at hand; the threads in which it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.pid_file import Located, NoPid, locate
from allstop.adapters.mechanisms.process_tree import Kin, Mark

T = TypeVar("T")

# Halts have threads of their own: nothing that hangs elsewhere may delay one.
_STOPPERS = ThreadPoolExecutor(16, thread_name_prefix="allstop-halt")


class AgentProcessOptions(Options):
    """Where the agent lives, and the words of the order at hand."""

    halt_file: str = Field(
        min_length=1, title="Halt file", description="File the agent reads before each step."
    )
    pid_file: str = Field(
        default="",
        title="Pid file",
        description='A number, or JSON {"pid": n, "create_time": seconds}.',
    )
    worktree: str | None = Field(
        default=None, title="Work tree", description="Top folder of the git work tree it works in."
    )
    env_mark: str = Field(
        default="",
        title="Environment mark",
        description="NAME=value that all its processes inherit; finds orphans.",
    )
    cgroup: str = Field(
        default="",
        title="Control group",
        description="Folder of the group it runs in, as `allstop run` makes one; nothing escapes it.",
    )
    halt: str = Field(default="", title="Halt", description="Id of the halt.")
    incident: str = Field(default="", title="Incident", description="Id of the incident.")
    reason: str = Field(default="", title="Reason", description="Why, for the agent to read.")
    checkpoint: str = Field(
        default="", title="Checkpoint", description="Commit the agent says it saved its work in."
    )
    branch: str = Field(
        default="", title="Branch", description="Branch the agent says it is on; empty: any."
    )

    @field_validator("env_mark")
    @classmethod
    def _is_assignment(cls, value: str) -> str:
        if value and (not value.partition("=")[0] or not value.partition("=")[2]):
            raise ValueError("write it as NAME=value")
        return value


async def in_thread(work: Callable[[], T], timeout_ms: int) -> T:
    """Run blocking work in the halt's own threads. Raises TimeoutError, and what the work raises."""
    job = asyncio.get_running_loop().run_in_executor(_STOPPERS, work)
    async with asyncio.timeout(timeout_ms / 1000):
        return await job


def kin_of(options: AgentProcessOptions) -> tuple[Kin, Located | None]:
    """What belongs to the agent. Raises NoPid when neither the file nor a mark can tell."""
    name, _, value = options.env_mark.partition("=")
    mark = Mark(name, value) if name else None
    try:
        found = locate(Path(options.pid_file)) if options.pid_file else None
    except NoPid:
        if mark is None:
            raise
        found = None
    if found is None and mark is None:
        raise NoPid("neither a pid file nor an environment mark is configured")
    if found is None or found.stranger:
        return Kin(mark=mark), found
    # Nobody else can have this number as session while it is the agent's, or nobody's.
    return Kin(root=found.process, session=found.pid, mark=mark), found
