"""A rollback: one new commit with exactly the tree of an older one. Merges in between make no difference."""

from __future__ import annotations

from pydantic import Field

from allstop.adapters.git_release.release import HistoryOptions, Release, title_of
from allstop.adapters.mechanisms.git import GitError, is_full_id
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect, Outcome, done
from allstop.domain.policy.tables import Scalar

MARK = "[ROLLBACK]"


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
    release: str = Field(
        default="",
        title="Release",
        description="Full id of a commit or of a tree, whichever it is; instead of the two others.",
    )
    title: str = Field(
        default="", title="Title", description="Subject of the new commit, behind [ROLLBACK]."
    )


async def rollback(options: RollbackOptions, effect: Effect) -> Outcome:
    """Go back. A bad target fails before anything has changed."""
    release = await Release.opened(options, effect.timeout_ms)
    ours = await release.commit_with_key(effect.id)
    if ours and ours != release.head:
        return done(
            "rolled back before; the branch has moved on", await _facts(options, release, ours)
        )
    if not ours:
        target = await _target(options, release)
        message = (
            f"{MARK} {title_of(options.title, f'to {target[:12]}')}",
            f"Rolled-back-to: {target}",
        )
        ours = await release.put(effect, await release.git.tree_of(target), message)
    else:
        await release.save(effect, ours)
    return await release.follow(ours, await _facts(options, release, ours))


async def rollback_seen(options: RollbackOptions, effect: Effect) -> Outcome:
    """Look for our commit on the branch, and whether the work tree has followed it."""
    release = await Release.opened(options, effect.timeout_ms)
    seen = await release.seen(effect, "rolled back")
    if not seen.facts:
        return seen
    return done(seen.because, await _facts(options, release, str(seen.facts["commit"])))


async def _target(options: RollbackOptions, release: Release) -> str:
    """The commit to go back to. Raises GitError for one that is not to be had."""
    given = [one for one in (options.commit, options.tree, options.release) if one]
    if len(given) != 1:
        raise GitError("give either a commit or a tree to roll back to")
    wanted = given[0]
    if not is_full_id(wanted):
        raise GitError(f"{one_line(wanted, 80)!r} is no full object id")
    if options.tree or (options.release and await release.git.resolved(wanted, "tree") == wanted):
        return await release.newest_with(wanted)
    commit = await release.git.resolved(wanted)
    if commit != wanted or not await release.git.is_ancestor(commit, release.head):
        raise GitError(f"no commit {wanted[:12]} on branch {release.branch}")
    return commit


async def _facts(options: RollbackOptions, release: Release, commit: str) -> dict[str, Scalar]:
    """was: what ran before, named as the options name what was gone back to."""
    facts = await release.facts(commit)
    before = str(facts["from"])
    named = options.commit or options.release
    is_tree = bool(options.tree) or await release.git.resolved(named, "tree") == named
    was = await release.git.tree_of(before) if is_tree else before
    return {**facts, "was": was}
