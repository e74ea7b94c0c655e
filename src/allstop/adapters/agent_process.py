"""Agent runtime `agent-process`: an agent that is a process tree, a halt file and a work tree."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import ReadBack, freeze, thaw
from allstop.adapters.mechanisms.git import Git, GitError, GitTimeoutError, ref_part
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.order_file import (
    NewerOrder,
    Order,
    Unreadable,
    outranks,
    read_order,
    write_order,
)
from allstop.adapters.mechanisms.pid_file import Located, NoPid, locate
from allstop.adapters.mechanisms.process_tree import Kin, Mark
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

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


def _verb(name: str, summary: str, inverse: str = "", read_only: bool = False) -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, AgentProcessOptions, inverse, read_only)


class AgentProcess:
    """See `info`."""

    info = AdapterInfo(
        name="agent-process",
        summary="Tells, checks, freezes and resumes an agent that runs on this machine.",
        version="1",
        ports=("agent", "actuator"),
        verbs=(
            _verb("tell", "Writes the order to stop into the halt file.", "resume"),
            _verb("confirm", "Checks the agent's answer against its work tree.", read_only=True),
            _verb("freeze", "Stops every process of the agent and reads it back.", "resume"),
            _verb("resume", "Writes that the agent may go on, and wakes its processes."),
        ),
        proofs=("worktree", "pid_file"),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Carry out one order. Orders are fenced: a number lower than the file's is refused."""
        options = read_options(AgentProcessOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        work = {"tell": _tell, "confirm": _confirm, "freeze": _freeze, "resume": _resume}
        if effect.verb not in work:
            return failed(f"no verb {effect.verb}")
        deadline = Deadline.within(effect.timeout_ms)
        try:
            return await work[effect.verb](effect, options, deadline)
        except NewerOrder as error:
            return failed(str(error))
        except (Unreadable, NoPid, GitError) as error:
            return failed(one_line(str(error)))
        except (TimeoutError, GitTimeoutError):
            return retry(f"no end within {seconds(effect.timeout_ms)}")
        except OSError as error:
            return failed(one_line(str(error)))

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the agent could be told to stop and found, without telling it anything."""
        chosen = read_options(AgentProcessOptions, options)
        return failed(chosen) if isinstance(chosen, str) else await _reach(chosen, timeout_ms)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the order stands in the halt file; the processes are read by acting again."""
        options = read_options(AgentProcessOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        if effect.verb not in ("tell", "resume"):
            return failed("it leaves no mark; doing it again does no harm")
        try:
            standing = await _in_thread(lambda: read_order(Path(options.halt_file)), 2000)
        except (Unreadable, TimeoutError) as error:
            return unknown(one_line(str(error)) or "the file system does not answer")
        halted = effect.verb == "tell"
        if standing and (standing.seq, standing.halted) == (effect.epoch, halted) and halted:
            return done("the halt file holds this order")
        # A resume is more than its file: the processes may still be stopped.
        return failed("the order does not stand, or not all of it")


async def _reach(options: AgentProcessOptions, timeout_ms: int) -> Outcome:
    """Whether the order could be delivered, and the processes found by whoever had to stop them."""

    def look() -> Outcome:
        folder = Path(options.halt_file).parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            return failed(f"{folder} is no folder that can be written, so the order cannot be")
        if not options.pid_file and not options.env_mark:
            return done("the halt file can be written; no process is configured")
        kin, found = _kin(options)
        if found is not None and found.stranger and kin.mark is None:
            return failed(f"{found.words()}, so the agent could not be stopped")
        seen = found.words() if found is not None else "found by its mark alone"
        return done(one_line(f"the halt file can be written; {seen}"))

    try:
        return await _in_thread(look, timeout_ms)
    except TimeoutError:
        return unknown(f"no end within {seconds(timeout_ms)}")
    except (NoPid, OSError, ValueError) as error:
        return failed(one_line(str(error)))


async def _in_thread(work: Callable[[], T], timeout_ms: int) -> T:
    """Run blocking work in the halt's own threads. Raises TimeoutError, and what the work raises."""
    job = asyncio.get_running_loop().run_in_executor(_STOPPERS, work)
    async with asyncio.timeout(timeout_ms / 1000):
        return await job


async def _write(
    effect: Effect, options: AgentProcessOptions, deadline: Deadline, halted: bool
) -> None:
    order = Order(effect.epoch, halted, options.halt, options.incident, options.reason)
    path = Path(options.halt_file)
    await _in_thread(lambda: write_order(path, order, deadline), deadline.left_ms())


async def _tell(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    if not options.halt.strip():
        return failed("the order names no halt")
    await _write(effect, options, deadline, halted=True)
    return done(f"halt file written and read back, order {effect.epoch}")


def _kin(options: AgentProcessOptions) -> tuple[Kin, Located | None]:
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


async def _freeze(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    def work() -> tuple[ReadBack | None, Located | None]:
        try:
            standing = read_order(Path(options.halt_file))
        except Unreadable:
            standing = None  # an agent that meets it stops: freezing agrees with that
        if standing and not standing.halted and outranks(standing, effect.epoch, halted=True):
            raise NewerOrder(f"a newer order stands: {standing.seq} lets the agent run")
        kin, found = _kin(options)
        if found is not None and found.stranger and kin.mark is None:
            return None, found
        return freeze(kin, deadline), found

    seen, found = await _in_thread(work, deadline.left_ms() + 200)
    if seen is None:
        assert found is not None
        return failed(f"{found.words()}; it was not touched, and the agent was not found")
    facts: dict[str, Scalar] = {"processes": seen.processes, "sessions": seen.sessions}
    snapshot, note = await _snapshot(effect, options, deadline)
    if snapshot:
        facts["snapshot"] = snapshot
    if seen.unruly:
        return failed(one_line("not stopped: " + ", ".join(seen.unruly)), facts)
    if not seen.processes:
        return done("no process of the agent is left" + note, facts)
    return done(
        f"{_count(seen.processes, 'process', 'es')} in {_count(seen.sessions, 'session')}"
        f" frozen, read back{note}",
        facts,
    )


def _count(number: int, word: str, plural: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else plural}"


async def _snapshot(
    effect: Effect, options: AgentProcessOptions, deadline: Deadline
) -> tuple[str, str]:
    """A private commit of the work tree as it is, and a note for the sentence.

    HEAD, branch, index and work tree stay as they are. No snapshot never undoes a freeze.
    """
    if not options.worktree:
        return "", ""
    try:
        git = await Git.opened(options.worktree, deadline, trusted=False)
        head = await git.resolved("HEAD")
        tree = await git.tree_of_everything()
        ref = f"refs/allstop/{ref_part(options.halt)}/{ref_part(effect.ref)}"
        earlier = await git.resolved(ref)
        if earlier and await git.tree_of(earlier) == tree:
            return earlier, f", snapshot {earlier[:12]}"
        message = f"Snapshot of {one_line(effect.ref, 80)} for halt {one_line(options.halt, 80)}"
        commit = await git.commit_tree(tree, message, head, earlier)
        await git.point(ref, commit, earlier, "allstop: snapshot")
    except (GitError, GitTimeoutError, OSError) as error:
        return "", one_line(f", no snapshot: {error}", 160)
    return commit, f", snapshot {commit[:12]}"


async def _resume(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    # The order first: whoever wakes must not read the old one.
    await _write(effect, options, deadline, halted=False)
    if not options.pid_file and not options.env_mark:
        return done("halt file says run; no process is configured")

    def work() -> tuple[ReadBack, Located | None]:
        kin, found = _kin(options)
        return thaw(kin, deadline), found

    try:
        seen, found = await _in_thread(work, deadline.left_ms() + 200)
    except NoPid as error:
        return done(one_line(f"halt file says run; {error}"), {"processes": 0})
    facts: dict[str, Scalar] = {"processes": seen.processes}
    if seen.unruly:
        return failed(one_line("still stopped: " + ", ".join(seen.unruly)), facts)
    if found is not None and found.process is None:
        return done(f"halt file says run; {found.words()}", facts)
    return done(f"halt file says run; {_count(seen.processes, 'process', 'es')} awake", facts)


async def _confirm(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:  # noqa: ARG001
    evidence: list[str] = []
    if options.worktree:
        git = await Git.opened(options.worktree, deadline, trusted=False)
        fault = await _disagreement(git, options, evidence)
        if fault:
            return failed(fault)
    elif options.checkpoint:
        return failed("the checkpoint cannot be checked: no work tree is configured")
    if options.pid_file:
        try:
            path = Path(options.pid_file)
            found = await _in_thread(lambda: locate(path), deadline.left_ms())
            evidence.append(found.words())
        except NoPid as error:
            evidence.append(one_line(str(error), 120))
    if not evidence:
        return failed("nothing to check the answer against: no work tree, no pid file")
    return done(one_line("; ".join(evidence)))


async def _disagreement(git: Git, options: AgentProcessOptions, evidence: list[str]) -> str:
    """The first thing in which work tree and answer disagree, or empty; agreement goes to evidence."""
    head = await git.resolved("HEAD")
    if options.branch:
        ref = (await git.finished("symbolic-ref", "--quiet", "HEAD")).output.decode().strip()
        if ref != f"refs/heads/{options.branch}":
            return one_line(
                f"on {ref.removeprefix('refs/heads/') or 'no branch'}, not {options.branch}"
            )
    if options.checkpoint:
        fault = await _missing(git, options.checkpoint, head, evidence)
        if fault:
            return fault
    else:
        evidence.append(f"HEAD is {head[:12] or 'not born'}")
    changed = await git.changes(untracked=True)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return one_line(f"the work tree is not clean: {changed[0]}{more}")
    evidence.append("work tree clean")
    return ""


async def _missing(git: Git, checkpoint: str, head: str, evidence: list[str]) -> str:
    if not re.fullmatch(r"[0-9a-f]{7,64}", checkpoint):
        return one_line(f"checkpoint {checkpoint!r} is no commit id", 120)
    commit = await git.resolved(checkpoint)
    if not commit:
        return f"commit {checkpoint[:12]} does not exist"
    if commit == head:
        evidence.append(f"commit {commit[:12]} is HEAD")
    elif head and await git.is_ancestor(commit, head):
        evidence.append(f"commit {commit[:12]} is reachable from HEAD {head[:12]}")
    else:
        return f"commit {commit[:12]} is not on the work tree's history"
    return ""
