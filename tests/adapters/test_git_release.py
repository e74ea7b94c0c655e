"""The actuator `git-release`: exact, additive, and never losing work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.git_release import GitRelease
from allstop.domain.effects import Effect, Ending, Outcome
from tests.adapters.worlds import Blobs, Repo, effect


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A release history with a merge: good, then a merged branch, then a bad commit."""
    repo = Repo.make(tmp_path / "repo")
    repo.commit("good", {"app": "1", "old/only": "here"})
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit("feature", {"feature": "x"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("meanwhile", {"app": "2"})
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge feature", "feature")
    repo.git("rm", "--quiet", "old/only")
    repo.commit("bad", {"app": "3", "new": "x"})
    return repo


def rollback(repo: Repo, **options: Any) -> Effect:
    return effect("rollback", {"repo": str(repo.folder), **options})


async def act(wanted: Effect) -> Outcome:
    return await GitRelease().act(wanted, Blobs())


async def test_one_new_commit_over_a_merge_has_exactly_the_old_tree(repo: Repo) -> None:
    """Given a merge between, when rolled back, then one commit on top has the target's tree."""
    good, head, count = repo.git("rev-parse", "HEAD~3"), repo.head(), repo.count()
    outcome = await act(rollback(repo, commit=good, title="Payments fail"))
    assert outcome.ending is Ending.DONE, outcome.because
    assert repo.git("rev-parse", "HEAD^") == head
    assert (repo.tree(), repo.count(), repo.status()) == (repo.tree(good), count + 1, "")
    assert outcome.facts == {
        "commit": repo.head(), "tree": repo.tree(good), "from": head, "was": head,
    }  # fmt: skip
    assert repo.git("log", "-1", "--format=%B") == (
        f"[ROLLBACK] Payments fail\n\nRolled-back-to: {good}\nAllstop-Key: incident/INC-1:7:0"
    )
    assert repo.git("log", "-1", "--format=%an %cn") == "Allstop Allstop"
    assert (repo.folder / "old/only").read_text() == "here"
    assert not (repo.folder / "new").exists()


async def test_a_tree_means_its_newest_commit(repo: Repo) -> None:
    """Given a tree that several commits had, the newest of them is named in the trailer."""
    tree = repo.tree()
    again = repo.commit("same tree", {})
    repo.commit("worse", {"app": "4"})
    outcome = await act(rollback(repo, tree=tree))
    assert outcome.ending is Ending.DONE, outcome.because
    assert f"Rolled-back-to: {again}" in repo.git("log", "-1", "--format=%B")


async def test_work_that_was_not_committed_is_saved_first(repo: Repo) -> None:
    """Given changed, new, deleted, staged and ignored files, all are in the saved ref."""
    repo.write(".gitignore", "old/\n")
    repo.write("app", "edited")
    repo.write("stray", "untracked")
    repo.write("old/only", "ignored, and in the way")
    repo.write("staged", "staged")
    repo.git("add", "staged")
    (repo.folder / "new").unlink()
    head = repo.head()
    outcome = await act(rollback(repo, commit=repo.git("rev-parse", "HEAD~3")))
    assert outcome.ending is Ending.DONE, outcome.because
    saved = "refs/allstop/saved/incident-INC-1-7-0"
    assert repo.git("rev-parse", f"{saved}^") == head
    kept = {
        name: repo.git("show", f"{saved}:{name}")
        for name in repo.git("ls-tree", "-r", "--name-only", saved).split()
    }
    assert kept["app"] == "edited"
    assert kept["stray"] == "untracked"
    assert kept["staged"] == "staged"
    assert kept["old/only"] == "ignored, and in the way"
    assert "new" not in kept
    assert (repo.folder / "old/only").read_text() == "here"
    assert (repo.folder / "stray").read_text() == "untracked"


async def test_a_second_attempt_finds_the_first(repo: Repo) -> None:
    """Given the commit is there, acting again adds none, also when others committed since."""
    wanted = rollback(repo, commit=repo.git("rev-parse", "HEAD~3"))
    first = await act(wanted)
    assert (await act(wanted)).facts == first.facts
    repo.commit("fix", {"app": "5"})
    later = await act(wanted)
    assert (later.ending, later.facts) == (Ending.DONE, first.facts)
    assert repo.git("log", "-1", "--format=%s") == "fix"


async def test_a_crash_before_the_work_tree_followed_is_mended(repo: Repo) -> None:
    """Given a branch that moved while files did not, observing says no, acting again finishes."""
    wanted = rollback(repo, commit=repo.git("rev-parse", "HEAD~3"))
    await act(wanted)
    count = repo.count()
    repo.git("read-tree", "--reset", "-u", "HEAD^")
    assert (await GitRelease().observe(wanted)).ending is Ending.FAILED
    assert (await act(wanted)).ending is Ending.DONE
    assert (repo.count(), repo.status()) == (count, "")
    assert (await GitRelease().observe(wanted)).ending is Ending.DONE


async def test_an_attempt_that_ran_out_of_time_is_in_nobodys_way(repo: Repo) -> None:
    """Given a work tree that follows too slowly, when time is up half way, then the next attempt ends it: the lock of
    the git that was ended does not stay."""
    good = repo.git("rev-parse", "HEAD~3")
    repo.write(".git/info/attributes", "old/* filter=slow\n")
    repo.git("config", "filter.slow.smudge", "sleep 60; cat")
    options = {"repo": str(repo.folder), "commit": good}
    outcome = await act(effect("rollback", options, timeout_ms=4000))
    assert outcome.ending is Ending.UNKNOWN, outcome.because
    repo.git("config", "filter.slow.smudge", "cat")
    outcome = await act(effect("rollback", options))
    assert outcome.ending is Ending.DONE, outcome.because
    assert (repo.tree(), repo.status()) == (repo.tree(good), "")


async def test_what_was_written_after_a_crash_is_saved_as_well(repo: Repo) -> None:
    """Given a branch that moved while files did not, when an ignored file that is in the way was written since,
    then acting again puts the file of the target there and keeps what was written."""
    wanted = rollback(repo, commit=repo.git("rev-parse", "HEAD~3"))
    await act(wanted)
    repo.git("read-tree", "--reset", "-u", "HEAD^")
    repo.write(".git/info/exclude", "old\n")
    repo.write("old/only", "written since")
    assert (await act(wanted)).ending is Ending.DONE
    assert (repo.folder / "old/only").read_text() == "here"
    saved = [line.split()[-1] for line in repo.refs().splitlines() if "allstop/saved" in line]
    assert "written since" in [repo.git("show", f"{ref}:old/only") for ref in saved]
    refs = repo.refs()
    assert (await act(wanted)).ending is Ending.DONE
    assert repo.refs() == refs, "nothing was in the way any more"


async def test_what_cannot_be_saved_is_not_written_over(repo: Repo) -> None:
    """Given a folder that git cannot take in, because it is a repository of its own, where the target has a file, then
    nothing moves, and what lies there stays."""
    repo.write("old/only", "of somebody else")
    Repo(repo.folder / "old").git("init", "--quiet")
    refs = repo.refs()
    outcome = await act(rollback(repo, commit=repo.git("rev-parse", "HEAD~3")))
    assert outcome.ending is Ending.FAILED
    assert "old" in outcome.because
    assert (repo.refs(), (repo.folder / "old/only").read_text()) == (refs, "of somebody else")


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
async def test_a_change_that_git_was_told_to_overlook_stops_it_before_anything_moves(
    repo: Repo, flag: str
) -> None:
    """Given a file with a change that git does not show, a rollback that would write over it moves nothing: a
    branch that had moved would say that the old release is there."""
    repo.git("update-index", flag, "app")
    repo.write("app", "of this machine alone")
    refs = repo.refs()
    outcome = await act(rollback(repo, commit=repo.git("rev-parse", "HEAD~3")))
    assert outcome.ending is Ending.FAILED
    assert "app" in outcome.because
    assert (repo.refs(), (repo.folder / "app").read_text()) == (refs, "of this machine alone")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"commit": "0" * 40},
        {"tree": "0" * 40},
        {"commit": "main"},
        {"commit": "--all"},
        {"commit": "x" * 40},
        {"commit": "STRANGE"},
        {"commit": "GOOD", "tree": "0" * 40},
        {"commit": "GOOD", "branch": "feature"},
        {"commit": "GOOD", "branch": "none"},
        {"commit": "BLOB"},
    ],
)
async def test_a_bad_target_changes_nothing(repo: Repo, options: dict[str, str]) -> None:
    """Given a target that is not to be had, it fails, and refs, index and files are as before."""
    repo.git("checkout", "--quiet", "--orphan", "strange")
    strange = repo.commit("strange", {"app": "evil"})
    repo.git("checkout", "--quiet", "main")
    names = {
        "GOOD": repo.git("rev-parse", "HEAD~3"),
        "STRANGE": strange,
        "BLOB": repo.git("rev-parse", "HEAD:app"),
    }
    repo.write("app", "dirty")
    before = repo.refs(), repo.status(), repo.head()
    outcome = await act(
        rollback(repo, **{key: names.get(value, value) for key, value in options.items()})
    )
    assert outcome.ending is Ending.FAILED
    assert (repo.refs(), repo.status(), repo.head()) == before


async def test_a_folder_inside_another_repository_is_refused(repo: Repo) -> None:
    """Given a folder that only lies within a work tree, nothing is done to the outer repository."""
    inner = repo.folder / "old" / "place"
    inner.mkdir(parents=True)
    wanted = effect("rollback", {"repo": str(inner), "commit": repo.git("rev-parse", "HEAD~3")})
    head = repo.head()
    assert (await act(wanted)).ending is Ending.FAILED
    assert repo.head() == head


async def test_somebody_else_at_work_means_later(repo: Repo) -> None:
    """Given a lock of another git, it is tried again later, and then it succeeds."""
    wanted = rollback(repo, commit=repo.git("rev-parse", "HEAD~3"))
    lock = repo.folder / ".git" / "index.lock"
    lock.touch()
    assert (await act(wanted)).ending is Ending.RETRY
    lock.unlink()
    assert (await act(wanted)).ending is Ending.DONE
    assert repo.status() == ""


async def test_hooks_and_configuration_around_do_not_take_part(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given hooks in the repository and GIT_ variables around us, neither has a say."""
    for name in ("reference-transaction", "post-checkout", "pre-commit"):
        hook = repo.folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Mallory")
    assert (await act(rollback(repo, commit=repo.git("rev-parse", "HEAD~3")))).ending is Ending.DONE
    assert not (tmp_path / "ran").exists()


async def test_the_history_gives_facts_for_the_decision(tmp_path: Path) -> None:
    """Given a history, age, deploys of the last day and the tree before are facts."""
    repo, now = Repo.make(tmp_path / "r"), int(time.time())
    repo.commit("ancient", {"app": "1"}, at=now - 200_000)
    good = repo.commit("good", {"app": "2"}, at=now - 7200)
    head = repo.commit("bad | with \x1f signs", {"app": "3"}, at=now - 600)
    repo.commit("empty", {}, at=now - 300)
    blobs = Blobs()
    outcome = await GitRelease().act(effect("history", {"repo": str(repo.folder)}), blobs)
    assert outcome.ending is Ending.DONE, outcome.because
    facts = dict(outcome.facts)
    age = facts.pop("head_age_seconds")
    assert isinstance(age, int)
    assert 300 <= age < 320
    assert facts == {
        "head": repo.head(),
        "head_tree": repo.tree(head),
        "previous_tree": repo.tree(good),
        "subject": "empty",
        "deploys_last_day": 3,
    }
    text = blobs.held[outcome.evidence].decode()
    assert "Ada: good" in text
    assert repo.tree(good)[:12] in text


async def test_a_clock_behind_the_commits_gives_no_negative_age(tmp_path: Path) -> None:
    """Given a commit from the future, its age is zero."""
    repo = Repo.make(tmp_path / "r")
    repo.commit("tomorrow", {"app": "1"}, at=int(time.time()) + 86_400)
    outcome = await GitRelease().act(effect("history", {"repo": str(repo.folder)}), Blobs())
    assert outcome.facts["head_age_seconds"] == 0
    assert "previous_tree" not in outcome.facts
