"""A push: the remote has what is deployed here, so that the next deployment does not bring the fault back."""

from __future__ import annotations

from pydantic import Field

from allstop.adapters.git_release.release import HistoryOptions, Release
from allstop.adapters.mechanisms.git import Git, GitError
from allstop.domain.effects import Effect, Outcome, done, failed

# A remote is reached over these, whatever else the repository is configured to use.
_REMOTELY = {"GIT_ALLOW_PROTOCOL": "file:ssh:https"}
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class PushOptions(HistoryOptions):
    """Where to."""

    remote: str = Field(
        default="origin",
        pattern=_NAME,
        title="Remote",
        description="Name of a remote that the repository is configured with; never an address.",
    )


async def push(options: PushOptions, effect: Effect) -> Outcome:
    """Push the branch, never by force, and read back that the remote has it."""
    release = await Release.opened(options, effect.timeout_ms)
    return await pushed(release.git, options.remote, options.branch, release.head)


async def push_seen(options: PushOptions, effect: Effect) -> Outcome:
    """Whether the remote has what is deployed here."""
    release = await Release.opened(options, effect.timeout_ms)
    there = await at_remote(release.git, options.remote, options.branch)
    if there == release.head:
        return done(f"{options.remote} has {there[:12]}", {"commit": there})
    return failed(f"{options.remote} has {there[:12] or 'no such branch'}")


async def pushed(git: Git, remote: str, branch: str, commit: str) -> Outcome:
    """The branch at the remote is at this commit, read back. Raises GitError, GitTimeoutError."""
    await known(git, remote)
    ref = f"refs/heads/{branch}"
    before = await at_remote(git, remote, branch)
    if before != commit:
        if before and not await git.is_ancestor(before, commit):
            text = f"{remote} has commits that are not here ({before[:12]}): nothing was pushed"
            return failed(f"{text}; fetch them, and look at them first")
        await git.ask("push", "--porcelain", remote, f"{commit}:{ref}", env=await door(git))
    after = await at_remote(git, remote, branch)
    if after != commit:
        return failed(f"{remote} took it and has {after[:12] or 'nothing'} at {branch}")
    return done(f"{remote} has {branch} at {commit[:12]}", {"commit": commit, "remote": remote})


async def known(git: Git, remote: str) -> None:
    """Raises GitError for a remote that the repository does not know."""
    said = await git.finished("remote", "get-url", "--push", remote)
    if said.code != 0:
        raise GitError(f"the repository has no remote {remote}")


async def at_remote(git: Git, remote: str, branch: str) -> str:
    """The commit a remote has a branch at, or empty. Raises GitError where the remote does not answer."""
    ref = f"refs/heads/{branch}"
    said = await git.ask("ls-remote", "--refs", remote, ref, env=await door(git))
    for line in said.splitlines():
        commit, _, name = line.partition("\t")
        if name == ref:
            return commit
    return ""


async def door(git: Git) -> dict[str, str]:
    """How a remote is reached: ssh asks nobody for a password, and waits for no answer for ever."""
    own = await git.finished("config", "--get", "core.sshCommand")
    if own.code == 0:
        return dict(_REMOTELY)
    return {**_REMOTELY, "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
