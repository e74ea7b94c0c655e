"""A push: the remote has what is deployed here, so that the next deployment does not bring the fault back."""

from __future__ import annotations

from pydantic import Field

from allstop.adapters.git_release.release import HistoryOptions, Release
from allstop.adapters.mechanisms.git import Git, GitError
from allstop.domain.effects import Effect, Outcome, done, failed

# A remote is reached over these, whatever else the repository is configured to use.
_REMOTELY = {"GIT_ALLOW_PROTOCOL": "file:ssh:https"}
# What one of the places is called that a remote is pushed to.
_PLACE = "allstop-place"
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
    if there == {release.head}:
        return done(f"{options.remote} has {release.head[:12]}", {"commit": release.head})
    return failed(f"{options.remote} has {_words(there - {release.head})}")


async def pushed(git: Git, remote: str, branch: str, commit: str) -> Outcome:
    """The branch at the remote is at this commit, read back. Raises GitError, GitTimeoutError."""
    await known(git, remote)
    ref = f"refs/heads/{branch}"
    before = await at_remote(git, remote, branch)
    for one in sorted(before - {"", commit}):
        if not await git.is_ancestor(one, commit):
            text = f"{remote} has commits that are not here ({one[:12]}): nothing was pushed"
            return failed(f"{text}; fetch them, and look at them first")
    if before != {commit}:
        await git.ask("push", "--porcelain", remote, f"{commit}:{ref}", env=await door(git))
    after = await at_remote(git, remote, branch)
    if after != {commit}:
        return failed(f"{remote} took it and has {_words(after - {commit})} at {branch}")
    return done(f"{remote} has {branch} at {commit[:12]}", {"commit": commit, "remote": remote})


async def known(git: Git, remote: str) -> None:
    """Raises GitError for a remote that the repository does not know."""
    await _addresses(git, remote, "--push")


async def _addresses(git: Git, remote: str, *which: str) -> list[str]:
    said = await git.finished("remote", "get-url", *which, "--all", remote)
    if said.code != 0:
        raise GitError(f"the repository has no remote {remote}")
    return said.output.decode("utf-8", "replace").splitlines()


async def at_remote(git: Git, remote: str, branch: str) -> frozenset[str]:
    """The commits at which the places that a push goes to have a branch, empty for one that has none.

    Raises GitError where one does not answer.
    """
    pushed_to = await _addresses(git, remote, "--push")
    ref = f"refs/heads/{branch}"
    # By its name all that is configured for it holds; but its name is read from where it is fetched from.
    if pushed_to == (await _addresses(git, remote))[:1]:
        return frozenset([await _at(git, remote, ref)])
    found = []
    for address in pushed_to:
        # Not as an argument, which everybody can read: an address may hold a password.
        known_as = (f"remote.{_PLACE}.url", address)
        named = Git(git.folder, git.deadline, (*git.settings, known_as))
        found.append(await _at(named, _PLACE, ref))
    return frozenset(found)


async def _at(git: Git, remote: str, ref: str) -> str:
    said = await git.ask("ls-remote", "--refs", remote, ref, env=await door(git))
    for line in said.splitlines():
        commit, _, name = line.partition("\t")
        if name == ref:
            return commit
    return ""


def _words(commits: frozenset[str]) -> str:
    return ", ".join(one[:12] or "no such branch" for one in sorted(commits)) or "nothing"


async def door(git: Git) -> dict[str, str]:
    """How a remote is reached: ssh asks nobody for a password, and waits for no answer for ever."""
    own = await git.finished("config", "--get", "core.sshCommand")
    if own.code == 0:
        return dict(_REMOTELY)
    return {**_REMOTELY, "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
