"""Actuator `git-release`: what is deployed is a branch of a repository; a rollback is a new commit."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.git import (
    Git,
    GitError,
    GitTimeoutError,
    is_full_id,
    ref_part,
    timed_out,
)
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

_DAY_SECONDS = 86_400
_SHOWN = 200
_SEARCHED = 10_000


class HistoryOptions(Options):
    """Whose history."""

    repo: str = Field(min_length=1, title="Repository", description="Folder of the work tree.")
    branch: str = Field(
        default="main", min_length=1, title="Branch", description="The branch that is deployed."
    )


class RollbackOptions(HistoryOptions):
    """Where to go back to."""

    commit: str = Field(
        default="", title="Commit", description="Full id of a commit of the branch; or give a tree."
    )
    tree: str = Field(
        default="",
        title="Tree",
        description="Full id of a tree; the newest commit of the branch that has it is the target.",
    )
    title: str = Field(default="", title="Title", description="Subject of the new commit.")


class GitRelease:
    """See `info`."""

    info = AdapterInfo(
        name="git-release",
        summary="Reads and rolls back releases that are commits on a branch.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "history",
                "Reads the recent commits.",
                Repeat.REPEATABLE,
                HistoryOptions,
                read_only=True,
            ),
            VerbInfo(
                "rollback",
                "Makes one new commit with exactly the tree of an older one, and checks it out.",
                Repeat.PROBE,
                RollbackOptions,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Read the history, or roll back. A bad target fails before anything has changed."""
        try:
            if effect.verb == "history":
                return await _history(effect, keep)
            if effect.verb == "rollback":
                return await _rollback(effect)
            return failed(f"no verb {effect.verb}")
        except GitError as error:
            text = one_line(str(error))
            # Somebody else is at work in this repository right now.
            return retry(text) if ".lock" in text or "cannot lock" in text else failed(text)
        except GitTimeoutError:
            text = timed_out(effect.timeout_ms)
            return retry(text) if effect.verb == "history" else unknown(text)
        except OSError as error:
            return failed(one_line(str(error)))

    async def observe(self, effect: Effect) -> Outcome:
        """Look for our commit on the branch, and whether the work tree has followed it."""
        if effect.verb == "history":
            return failed("a reading changes nothing")
        options = read_options(RollbackOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        try:
            release = await _Release.opened(options, effect)
            commit = await release.commit_with_key(effect.id)
            if not commit:
                return failed("no commit of this rollback on the branch")
            if commit == release.head and await release.git.changes(untracked=False):
                return failed("the branch was moved, the work tree not yet")
            return done(f"rolled back in {commit[:12]}", await release.facts(commit))
        except (GitError, GitTimeoutError, OSError) as error:
            return unknown(one_line(str(error)))


class _Release:
    """A repository whose work tree has the deployed branch checked out."""

    def __init__(self, git: Git, branch: str, head: str) -> None:
        self.git, self.branch, self.head = git, branch, head

    @classmethod
    async def opened(cls, options: HistoryOptions, effect: Effect) -> _Release:
        git = await Git.opened(options.repo, Deadline.within(effect.timeout_ms), trusted=True)
        current = await git.finished("symbolic-ref", "--quiet", "HEAD")
        if current.output.strip() != f"refs/heads/{options.branch}".encode():
            raise GitError(f"the work tree is not on branch {one_line(options.branch, 80)}")
        head = await git.resolved("HEAD")
        if not head:
            raise GitError(f"branch {one_line(options.branch, 80)} has no commit")
        return cls(git, options.branch, head)

    async def commit_with_key(self, key: str) -> str:
        """The commit of the branch that carries our key as a trailer, or empty."""
        said = await self.git.ask(
            "log",
            f"--max-count={_SEARCHED}",
            "--format=%H%x1f%(trailers:key=Allstop-Key,valueonly,separator=%x1f)",
            self.head,
        )
        wanted = one_line(key, 200)
        for line in said.splitlines():
            commit, *keys = line.split("\x1f")
            if wanted in (one_line(found, 200) for found in keys):
                return commit
        return ""

    async def target(self, options: RollbackOptions) -> str:
        """The commit to go back to. Raises GitError for one that is not to be had."""
        wanted = options.commit or options.tree
        if bool(options.commit) == bool(options.tree):
            raise GitError("give either a commit or a tree to roll back to")
        if not is_full_id(wanted):
            raise GitError(f"{one_line(wanted, 80)!r} is no full object id")
        if options.tree:
            return await self._newest_with(options.tree)
        commit = await self.git.resolved(options.commit)
        if commit != options.commit or not await self.git.is_ancestor(commit, self.head):
            raise GitError(f"no commit {options.commit[:12]} on branch {self.branch}")
        return commit

    async def _newest_with(self, tree: str) -> str:
        said = await self.git.ask("log", f"--max-count={_SEARCHED}", "--format=%H %T", self.head)
        for line in said.splitlines():
            commit, _, found = line.partition(" ")
            if found == tree:
                return commit
        raise GitError(f"no commit with tree {tree[:12]} on branch {self.branch}")

    async def facts(self, commit: str) -> dict[str, Scalar]:
        parent = await self.git.resolved(f"{commit}^")
        return {"commit": commit, "tree": await self.git.tree_of(commit), "from": parent}


async def _history(effect: Effect, keep: BlobSink) -> Outcome:
    options = read_options(HistoryOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    release = await _Release.opened(options, effect)
    said = await release.git.ask(
        "log",
        "--first-parent",
        f"--max-count={_SHOWN}",
        "--format=%H%x1f%T%x1f%ct%x1f%cI%x1f%an%x1f%s",
        release.head,
    )
    rows = [line.split("\x1f", 5) for line in said.splitlines()]
    rows = [row for row in rows if len(row) == 6]
    if not rows:
        raise GitError("the history cannot be read")
    text = "".join(
        f"{at} {commit[:12]} tree {tree[:12]} {one_line(who, 60)}: {one_line(subject, 200)}\n"
        for commit, tree, _, at, who, subject in rows
    )
    facts = _history_facts(rows)
    because = f"{facts['deploys_last_day']} commits in the last day, newest {rows[0][0][:12]}"
    return done(because, facts, keep(text.encode("utf-8")))


def _history_facts(rows: list[list[str]]) -> dict[str, Scalar]:
    """Facts of a history, newest first; ages by committer time, in whole seconds."""
    now = int(time.time())
    head, head_tree, at, _, _, subject = rows[0]
    facts: dict[str, Scalar] = {
        "head": head,
        "head_tree": head_tree,
        "head_age_seconds": max(0, now - int(at)),
        "subject": one_line(subject),
        "deploys_last_day": sum(1 for row in rows if now - int(row[2]) <= _DAY_SECONDS),
    }
    previous = next((row[1] for row in rows if row[1] != head_tree), None)
    if previous is not None:
        facts["previous_tree"] = previous
    return facts


async def _rollback(effect: Effect) -> Outcome:
    options = read_options(RollbackOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    release = await _Release.opened(options, effect)
    ours = await release.commit_with_key(effect.id)
    if ours and ours != release.head:
        return done("rolled back before; the branch has moved on", await release.facts(ours))
    if not ours:
        target = await release.target(options)
        ours = await _commit(effect, options, release, target)
    else:
        await _save(effect, release, ours)
    git = release.git
    await git.ask("read-tree", "--reset", "-u", ours)
    return await _verified(git, release, ours)


async def _commit(effect: Effect, options: RollbackOptions, release: _Release, target: str) -> str:
    """Save what is not committed, then move the branch to a new commit with the target's tree."""
    git, head = release.git, release.head
    tree = await git.tree_of(target)
    title = one_line(options.title, 120) or f"to {target[:12]}"
    message = (
        f"[ROLLBACK] {title}\n\nRolled-back-to: {target}\nAllstop-Key: {one_line(effect.id, 200)}\n"
    )
    commit = await git.commit_tree(tree, message, head)
    await _save(effect, release, commit)
    # The branch first, and only if nobody committed meanwhile: after a crash the commit is found
    # by its key, and what is left to do is to let the work tree follow.
    await git.point(f"refs/heads/{release.branch}", commit, head, "allstop: rollback")
    return commit


async def _save(effect: Effect, release: _Release, commit: str) -> None:
    """Commit whatever the work tree holds beyond HEAD to a ref of its own, if there is anything."""
    git = release.git
    in_the_way = await _in_the_way(git, release.head, commit)
    if not in_the_way and not await git.changes(untracked=True):
        return
    tree = await git.tree_of_everything(in_the_way)
    base = f"refs/allstop/saved/{ref_part(effect.id)}"
    for number in range(100):
        ref = f"{base}-{number}" if number else base
        known = await git.resolved(ref)
        if known and await git.tree_of(known) == tree:
            return
        if not known:
            saved = await git.commit_tree(tree, f"Saved before {effect.id}", release.head)
            await git.point(ref, saved, "", "allstop: saved")
            return
    raise GitError(f"too many saved states under {base}")


async def _in_the_way(git: Git, head: str, commit: str) -> tuple[str, ...]:
    """Files the work tree has where the target adds some: ignored ones would be lost unsaved."""
    said = await git.finished(
        "diff-tree", "-r", "-z", "--name-only", "--diff-filter=A", head, commit
    )
    return _present(
        Path(git.folder), [name for name in os.fsdecode(said.output).split("\0") if name]
    )


def _present(folder: Path, names: list[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for name in names:
        path = Path(name)
        for place in (path, *path.parents[:-1]):
            full = folder / place
            if full.is_symlink() or full.is_file() or (place == path and full.is_dir()):
                found.add(str(place))
    return tuple(sorted(found))


async def _verified(git: Git, release: _Release, commit: str) -> Outcome:
    """Read back branch, tree and work tree."""
    facts = await release.facts(commit)
    now = await git.resolved(f"refs/heads/{release.branch}")
    if now != commit:
        return failed("the branch was moved by somebody else right after", facts)
    changed = await git.changes(untracked=False)
    if changed:
        return failed(one_line(f"the work tree differs from the commit: {changed[0]}"), facts)
    return done(f"{release.branch} is at {commit[:12]}, work tree read back", facts)
