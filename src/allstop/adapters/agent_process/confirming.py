"""Whether what an agent answered agrees with its work tree."""

from __future__ import annotations

import re
from pathlib import Path

from allstop.adapters.agent_process.options import AgentProcessOptions, in_thread
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.git import Git
from allstop.adapters.mechanisms.pid_file import NoPid, locate
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect, Outcome, done, failed


async def confirm(effect: Effect, options: AgentProcessOptions, deadline: Deadline) -> Outcome:  # noqa: ARG001
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
            found = await in_thread(lambda: locate(path), deadline.left_ms())
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
