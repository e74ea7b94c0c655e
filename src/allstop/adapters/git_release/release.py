"""A repository whose work tree has the deployed branch checked out, and commits of ours on that branch."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.git import Git, GitError, ref_part
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect, Outcome, done, failed
from allstop.domain.policy.tables import Scalar

_SEARCHED = 10_000
_LONGEST_TITLE = 120


class HistoryOptions(Options):
    """Whose history."""

    repo: str = Field(min_length=1, title="Repository", description="Folder of the work tree.")
    branch: str = Field(
        default="main", min_length=1, title="Branch", description="The branch that is deployed."
    )


class Release:
    """What is deployed: the head of a branch, checked out in a work tree."""

    def __init__(self, git: Git, branch: str, head: str) -> None:
        self.git, self.branch, self.head = git, branch, head

    @classmethod
    async def opened(cls, options: HistoryOptions, timeout_ms: int) -> Release:
        """Raises GitError where the work tree is none, or is not on the branch."""
        git = await Git.opened(options.repo, Deadline.within(timeout_ms), trusted=True)
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

    async def newest_with(self, tree: str) -> str:
        """The newest commit of the branch that has exactly this tree. Raises GitError."""
        said = await self.git.ask("log", f"--max-count={_SEARCHED}", "--format=%H %T", self.head)
        for line in said.splitlines():
            commit, _, found = line.partition(" ")
            if found == tree:
                return commit
        raise GitError(f"no commit with tree {tree[:12]} on branch {self.branch}")

    async def put(self, effect: Effect, tree: str, message: tuple[str, ...], *parents: str) -> str:
        """Save what is not committed, then move the branch to a new commit with this tree. Returns the commit.

        message: its paragraphs; our key is put behind the last. The branch moves first, and only if nobody
        committed meanwhile: after a crash the commit is found by its key, and what is left to do is to let the
        work tree follow.
        """
        text = "\n\n".join(message) + f"\nAllstop-Key: {one_line(effect.id, 200)}\n"
        commit = await self.git.commit_tree(tree, text, self.head, *parents)
        # A work tree that cannot follow must be found out before the branch says that it has.
        await self.git.check_out(commit, only_try=True)
        await self.save(effect, commit)
        await self.git.point(f"refs/heads/{self.branch}", commit, self.head, "allstop: release")
        return commit

    async def save(self, effect: Effect, commit: str) -> None:
        """Commit whatever the work tree holds beyond HEAD to a ref of its own, if there is anything.

        commit: what the work tree is to follow. Where HEAD is there already, an attempt before this one has
        moved it, and files may have been written since.
        """
        git = self.git
        # Ignored ones would be lost unsaved.
        in_the_way = await _present(git, f"{commit}^", commit, "--diff-filter=A")
        if not in_the_way and not await git.changes(untracked=True):
            return
        written_over = await _present(git, f"{commit}^", commit)
        tree = await git.tree_of_everything(in_the_way, written_over)
        if tree == await git.tree_of(self.head):
            return
        base = f"refs/allstop/saved/{ref_part(effect.id)}"
        for number in range(100):
            ref = f"{base}-{number}" if number else base
            known = await git.resolved(ref)
            if known and await git.tree_of(known) == tree:
                return
            if not known:
                saved = await git.commit_tree(tree, f"Saved before {effect.id}", self.head)
                await git.point(ref, saved, "", "allstop: saved")
                return
        raise GitError(f"too many saved states under {base}")

    async def follow(self, commit: str, facts: dict[str, Scalar]) -> Outcome:
        """Let the work tree follow the branch, and read back branch, tree and work tree."""
        git = self.git
        await git.check_out(commit)
        now = await git.resolved(f"refs/heads/{self.branch}")
        if now != commit:
            return failed("the branch was moved by somebody else right after", facts)
        changed = await git.changes(untracked=False)
        if changed:
            text = f"the work tree differs from the commit: {changed[0]}"
            return failed(one_line(text), facts)
        return done(f"{self.branch} is at {commit[:12]}, work tree read back", facts)

    async def facts(self, commit: str) -> dict[str, Scalar]:
        """What a commit of ours put in place, and after what."""
        parent = await self.git.resolved(f"{commit}^")
        return {"commit": commit, "tree": await self.git.tree_of(commit), "from": parent}

    async def seen(self, effect: Effect, how: str) -> Outcome:
        """Whether the commit of an effect is on the branch, and the work tree has followed it."""
        commit = await self.commit_with_key(effect.id)
        if not commit:
            return failed("no commit of this order on the branch")
        if commit == self.head and await self.git.changes(untracked=False):
            return failed("the branch was moved, the work tree not yet")
        return done(f"{how} in {commit[:12]}", await self.facts(commit))


def title_of(title: str, otherwise: str) -> str:
    """The subject of a commit, behind its marker."""
    return one_line(title, _LONGEST_TITLE) or otherwise


async def _present(git: Git, head: str, commit: str, *which: str) -> tuple[str, ...]:
    """What the work tree has where a commit differs from another: files, and folders in place of files."""
    said = await git.finished("diff-tree", "-r", "-z", "--name-only", *which, head, commit)
    folder, found = Path(git.folder), set[str]()
    for path in map(Path, filter(None, os.fsdecode(said.output).split("\0"))):
        for place in (path, *path.parents[:-1]):
            full = folder / place
            if full.is_symlink() or full.is_file() or (place == path and full.is_dir()):
                found.add(str(place))
    return tuple(sorted(found))
