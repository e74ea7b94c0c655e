"""A fix: a branch of its own, its tests in a copy of it, and its deployment as one commit on the deployed branch."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from allstop.adapters.git_release.pushing import at_remote, door, known, pushed
from allstop.adapters.git_release.release import HistoryOptions, Release, title_of
from allstop.adapters.mechanisms.git import Git, GitError
from allstop.adapters.mechanisms.programs import StartError, run
from allstop.adapters.mechanisms.text import last_line, one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.application.ports import BlobSink
from allstop.domain.effects import Effect, Ending, Outcome, done, failed
from allstop.domain.policy.tables import Scalar

MARK = "[FIX]"
# Where the newest run of the tests has left a branch at the commit that passed; nothing when it did not.
_TESTED = "refs/allstop/tested/"
# So long the folder of tests is waited for; it is taken away to the end all the same.
_CLEARING_MS = 200
_DISKS = ThreadPool("git", 4)


class FixOptions(HistoryOptions):
    """Which branch the fix is on."""

    name: str = Field(
        min_length=1,
        max_length=200,
        title="Name",
        description="The branch of the fix, such as incident/INC-1-checkout-times-out.",
    )
    remote: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$",
        title="Remote",
        description="Name of a remote the branch is pushed to, and its commits are fetched from; empty: it stays here.",
    )


class TestOptions(FixOptions):
    """What is run to test it."""

    # Pytest takes every class of this name for one of its own.
    __test__ = False

    argv: list[str] = Field(
        min_length=1,
        title="Program",
        description="Program and arguments; never a shell. It runs in a copy of the branch, without .git.",
    )
    env: dict[str, str] = Field(
        default_factory=dict, title="Environment", description="Added to a minimal environment."
    )


class DeployOptions(FixOptions):
    """What the commit says."""

    title: str = Field(
        default="", title="Title", description="Subject of the new commit, behind [FIX]."
    )


async def branch(options: FixOptions, effect: Effect) -> Outcome:
    """Make the branch where the deployed one is; one that is there and begins there is taken as it is."""
    release = await Release.opened(options, effect.timeout_ms)
    git = release.git
    await _check_name(git, options)
    if options.remote:
        await known(git, options.remote)
    ref = f"refs/heads/{options.name}"
    tip = await git.resolved(ref)
    if not tip:
        await git.point(ref, release.head, "", "allstop: branch of a fix")
        tip = release.head
    elif not await git.is_ancestor(release.head, tip):
        raise GitError(f"{options.name} is there, and does not begin at what is deployed")
    facts: dict[str, Scalar] = {"branch": options.name, "base": release.head, "tip": tip}
    if options.remote and not await _has_begun(release, options):
        seen = await pushed(git, options.remote, options.name, tip)
        if seen.ending is not Ending.DONE:
            return failed(seen.because, facts)
    return done(f"{options.name} begins at {release.head[:12]}", facts)


async def branch_seen(options: FixOptions, effect: Effect) -> Outcome:
    """Whether the branch is there, at its remote as well, and begins at what is deployed."""
    release = await Release.opened(options, effect.timeout_ms)
    tip = await release.git.resolved(f"refs/heads/{options.name}")
    if not tip or not await release.git.is_ancestor(release.head, tip):
        return failed(f"no branch {options.name} that begins at what is deployed")
    if options.remote:
        for one in await at_remote(release.git, options.remote, options.name):
            if not one or not await release.git.is_ancestor(release.head, one):
                return failed(f"{options.remote} has {one[:12] or 'nothing'} at {options.name}")
    return done(f"{options.name} is at {tip[:12]}", {"branch": options.name, "tip": tip})


async def _has_begun(release: Release, options: FixOptions) -> bool:
    """Whether the remote has the branch already, and it begins at what is deployed: somebody may be at work on it."""
    there = await at_remote(release.git, options.remote, options.name)
    if "" in there:
        return False
    await _fetched(release.git, options)
    return all([await release.git.is_ancestor(release.head, one) for one in there])


async def test(options: TestOptions, effect: Effect, keep: BlobSink) -> Outcome:
    """Run the tests in a copy of the branch. Neither the work tree nor any branch is touched; which commit passed is
    noted, for `deploy`."""
    release = await Release.opened(options, effect.timeout_ms)
    await _check_name(release.git, options)
    await release.git.drop(f"{_TESTED}{options.name}")
    tip = await _fix(release, options)
    facts: dict[str, Scalar] = {"commit": tip, "tree": await release.git.tree_of(tip)}
    async with _folder() as place:
        folder = Path(place, "tree")
        folder.mkdir()
        await _copy(release.git, tip, place, folder)
        try:
            ended = await run(
                options.argv,
                cwd=str(folder),
                env=options.env,
                timeout_ms=release.git.deadline.left_ms(),
            )
        except StartError as error:
            return failed(str(error))
    body = ended.output + (b"\n--- stderr ---\n" + ended.errors if ended.errors else b"")
    evidence = keep(body) if body else ""
    if ended.code is None:
        text = f"the tests of {tip[:12]} did not end within {seconds(effect.timeout_ms)}"
        return failed(text, facts, evidence)
    facts["exit_code"] = ended.code
    said = last_line(ended.output) or last_line(ended.errors) or f"exit code {ended.code}"
    if ended.code != 0:
        return failed(one_line(f"the tests of {tip[:12]} fail: {said}"), facts, evidence)
    await release.git.point(f"{_TESTED}{options.name}", tip, None, "allstop: tests passed")
    return done(one_line(f"the tests of {tip[:12]} pass: {said}"), facts, evidence)


@contextlib.asynccontextmanager
async def _folder() -> AsyncIterator[str]:
    """A folder that is taken away afterwards, in a thread, because tests may leave very many files; what cannot be taken
    away stays, and changes nothing of what they have shown."""
    place = tempfile.mkdtemp(prefix="allstop-test-")
    try:
        yield place
    finally:
        with contextlib.suppress(TimeoutError):
            await _DISKS.run(lambda: shutil.rmtree(place, ignore_errors=True), _CLEARING_MS)


async def deploy(options: DeployOptions, effect: Effect) -> Outcome:
    """Put the fix on the deployed branch in one commit, and check it out. Where tests have passed, it is the commit
    they passed for, whatever was committed on the branch since."""
    release = await Release.opened(options, effect.timeout_ms)
    ours = await release.commit_with_key(effect.id)
    if ours and ours != release.head:
        return done("deployed before; the branch has moved on", await _facts(release, ours))
    left_out = ""
    if not ours:
        tip = await _fix(release, options)
        fix = await _tested(release, options, tip)
        message = (f"{MARK} {title_of(options.title, options.name)}", f"Fixed-by: {fix}")
        ours = await release.put(effect, await release.git.tree_of(fix), message, fix)
        left_out = f"; {tip[:12]} is newer than what was tested, and not in it" * (fix != tip)
    else:
        await release.save(effect, ours)
    outcome = await release.follow(ours, await _facts(release, ours))
    return replace(outcome, because=one_line(f"{outcome.because}{left_out}"))


async def deploy_seen(options: DeployOptions, effect: Effect) -> Outcome:
    """Look for our commit on the branch, and whether the work tree has followed it."""
    release = await Release.opened(options, effect.timeout_ms)
    seen = await release.seen(effect, "deployed")
    if not seen.facts:
        return seen
    return done(seen.because, await _facts(release, str(seen.facts["commit"])))


async def _check_name(git: Git, options: FixOptions) -> None:
    if options.name == options.branch:
        raise GitError("the branch of the fix is the deployed one itself")
    said = await git.finished("check-ref-format", f"refs/heads/{options.name}")
    if said.code != 0 or options.name.startswith("-"):
        raise GitError("the branch of the fix cannot have that name")


async def _fix(release: Release, options: FixOptions) -> str:
    """The newest commit of the fix. Raises GitError where there is none, or it is not of what is deployed."""
    await _check_name(release.git, options)
    ref = f"refs/heads/{options.name}"
    if options.remote:
        ref = await _fetched(release.git, options)
    tip = await release.git.resolved(ref)
    if not tip:
        raise GitError(f"there is no branch {one_line(options.name, 80)}")
    if tip == release.head:
        raise GitError(f"nobody has committed anything on {options.name} yet")
    if not await release.git.is_ancestor(release.head, tip):
        raise GitError(f"{options.name} is not based on what is deployed, {release.head[:12]}")
    return tip


async def _tested(release: Release, options: FixOptions, tip: str) -> str:
    """The commit that is deployed: the one whose tests passed, the newest where none were run or they failed.
    Raises GitError where the branch has been changed below it."""
    tested = await release.git.resolved(f"{_TESTED}{options.name}")
    if not tested:
        return tip
    for older, newer in ((release.head, tested), (tested, tip)):
        if not await release.git.is_ancestor(older, newer):
            raise GitError(f"what was tested, {tested[:12]}, is not on {options.name} any more")
    return tested


async def _fetched(git: Git, options: FixOptions) -> str:
    """The ref that has what the remote has on the branch of the fix; no branch of ours is moved."""
    await known(git, options.remote)
    ref = f"refs/allstop/fixes/{options.name}"
    await git.ask(
        "fetch", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", options.remote,
        f"+refs/heads/{options.name}:{ref}", env=await door(git),
    )  # fmt: skip
    return ref


async def _copy(git: Git, commit: str, place: str, folder: Path) -> None:
    """The files of a commit, in a folder of their own."""
    env = {"GIT_INDEX_FILE": str(Path(place, "index"))}
    await git.ask("read-tree", commit, env=env)
    await git.ask("checkout-index", "--all", f"--prefix={folder}/", env=env)


async def _facts(release: Release, commit: str) -> dict[str, Scalar]:
    """was: the tree that was deployed before; fix: the newest commit of the fix."""
    facts = await release.facts(commit)
    was = await release.git.tree_of(str(facts["from"]))
    return {**facts, "was": was, "fix": await release.git.resolved(f"{commit}^2")}
