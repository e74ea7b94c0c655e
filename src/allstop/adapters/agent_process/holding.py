"""Freezing an agent, ending it, letting it go on; the snapshot of what it was working on."""

from __future__ import annotations

from pathlib import Path

from allstop.adapters.agent_process.options import AgentProcessOptions, in_thread, kin_of
from allstop.adapters.mechanisms.cgroups import Group, group_at
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import ReadBack
from allstop.adapters.mechanisms.freezing import freeze as stop_tree
from allstop.adapters.mechanisms.freezing import thaw as wake_tree
from allstop.adapters.mechanisms.git import (
    Git,
    GitError,
    GitTimeoutError,
    ref_part,
    together,
)
from allstop.adapters.mechanisms.order_file import (
    NewerOrder,
    Order,
    Unreadable,
    outranks,
    read_order,
    write_order,
)
from allstop.adapters.mechanisms.pid_file import Located, NoPid
from allstop.adapters.mechanisms.process_tree import Kin, end, members
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.copying import replace
from allstop.domain.effects import Effect, Ending, Outcome, done, failed
from allstop.domain.policy.tables import Scalar


async def write_down(
    effect: Effect, options: AgentProcessOptions, deadline: Deadline, halted: bool
) -> None:
    """The order into the halt file, read back. Raises NewerOrder, Unreadable, TimeoutError, OSError."""
    order = Order(effect.epoch, halted, options.halt, options.incident, options.reason)
    path = Path(options.halt_file)
    await in_thread(lambda: write_order(path, order, deadline), deadline.left_ms())


async def freeze(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    def work() -> tuple[ReadBack | None, Located | None]:
        try:
            standing = read_order(Path(options.halt_file))
        except Unreadable:
            standing = None  # an agent that meets it stops: freezing agrees with that
        if standing and not standing.halted and outranks(standing, effect.epoch, halted=True):
            raise NewerOrder(f"a newer order stands: {standing.seq} lets the agent run")
        kin, found = kin_of(options)
        if found is not None and found.stranger and kin.mark is None and not options.cgroup:
            return None, found
        return _hold(options, kin, deadline), found

    seen, found = await in_thread(work, deadline.left_ms() + 200)
    if seen is None:
        assert found is not None
        return failed(f"{found.words()}; it was not touched, and the agent was not found")
    facts: dict[str, Scalar] = {"processes": seen.processes, "sessions": seen.sessions}
    snapshot, note = await snapshot_of(effect, options, deadline)
    if snapshot:
        facts["snapshot"] = snapshot
    if seen.unruly:
        return failed(one_line("not stopped: " + ", ".join(seen.unruly)), facts)
    if not seen.processes:
        return done("no process of the agent is left" + note, facts)
    return done(
        f"{count(seen.processes, 'process', 'es')} in {count(seen.sessions, 'session')}"
        f" frozen, read back{note}",
        facts,
    )


def count(number: int, word: str, plural: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else plural}"


def _hold(options: AgentProcessOptions, kin: Kin, deadline: Deadline) -> ReadBack:
    """Freeze the group, then by signals whoever belongs to the agent and is not inside. Raises NoGroup."""
    group = _group(options)
    if group is None:
        return stop_tree(kin, deadline)
    inside = group.freeze(deadline)
    return _together(inside, stop_tree(_outside(kin, group), deadline))


def _let_go(options: AgentProcessOptions, kin: Kin, deadline: Deadline) -> ReadBack:
    group = _group(options)
    if group is None:
        return wake_tree(kin, deadline)
    outside = wake_tree(_outside(kin, group), deadline)
    return _together(group.thaw(deadline), outside)


def _group(options: AgentProcessOptions) -> Group | None:
    """Its control group; None when it has none, or when it ended and the group is cleared away. Raises NoGroup."""
    group = group_at(options.cgroup) if options.cgroup else None
    return group if group is not None and group.exists else None


def _outside(kin: Kin, group: Group) -> Kin:
    return replace(kin, without=frozenset(group.processes()))


def _together(one: ReadBack, other: ReadBack) -> ReadBack:
    return ReadBack(
        one.processes + other.processes, one.sessions + other.sessions, one.unruly + other.unruly
    )


async def kill(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    """For a person's decision only: what it did since its last save is lost but for the snapshot."""
    held = await freeze(effect, options, deadline)
    if held.ending is not Ending.DONE:
        return held

    def work() -> tuple[int, list[int]]:
        kin, _ = kin_of(options)
        group = _group(options)
        if group is None:
            return len(members(kin)), end(kin)
        outside = _outside(kin, group)
        there = len(members(outside))
        inside = group.kill(deadline)
        return there + inside.processes, [*end(outside), *group.processes()]

    ended, left = await in_thread(work, deadline.left_ms() + 200)
    facts: dict[str, Scalar] = {**held.facts, "processes": ended}
    if left:
        return failed("still there: " + ", ".join(map(str, left)), facts)
    return done(f"{count(ended, 'process', 'es')} ended, read back: none is left", facts)


async def snapshot_of(
    effect: Effect, options: AgentProcessOptions, deadline: Deadline
) -> tuple[str, str]:
    """A private commit of the work tree as it is, and a note for the sentence.

    HEAD, branch, index and work tree stay as they are. No snapshot never undoes a freeze.
    """
    if not options.worktree:
        return "", ""
    try:
        git = await Git.opened(options.worktree, deadline, trusted=False)
        ref = f"refs/allstop/{ref_part(options.halt)}/{ref_part(effect.ref)}"
        head, tree, earlier = await together(
            git.resolved("HEAD"), git.tree_of_everything(), git.resolved(ref)
        )
        if earlier and await git.tree_of(earlier) == tree:
            return earlier, f", snapshot {earlier[:12]}"
        message = f"Snapshot of {one_line(effect.ref, 80)} for halt {one_line(options.halt, 80)}"
        commit = await git.commit_tree(tree, message, head, earlier)
        await git.point(ref, commit, earlier, "allstop: snapshot")
    except (GitError, GitTimeoutError, OSError) as error:
        return "", one_line(f", no snapshot: {error}", 160)
    return commit, f", snapshot {commit[:12]}"


async def resume(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:
    # The order first: whoever wakes must not read the old one.
    await write_down(effect, options, deadline, halted=False)
    if not options.pid_file and not options.env_mark:
        return done("halt file says run; no process is configured")

    def work() -> tuple[ReadBack, Located | None]:
        kin, found = kin_of(options)
        return _let_go(options, kin, deadline), found

    try:
        seen, found = await in_thread(work, deadline.left_ms() + 200)
    except NoPid as error:
        return done(one_line(f"halt file says run; {error}"), {"processes": 0})
    facts: dict[str, Scalar] = {"processes": seen.processes}
    if seen.unruly:
        return failed(one_line("still stopped: " + ", ".join(seen.unruly)), facts)
    if found is not None and found.process is None:
        return done(f"halt file says run; {found.words()}", facts)
    return done(f"halt file says run; {count(seen.processes, 'process', 'es')} awake", facts)
