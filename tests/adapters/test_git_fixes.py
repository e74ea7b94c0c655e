"""Pushing and fixing with `git-release`, on real repositories: never by force, never on something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.git_release import GitRelease
from allstop.domain.effects import Effect, Ending, Outcome
from tests.adapters.worlds import Blobs, Repo, effect

FIX = "incident/INC-1-checkout-times-out"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A deployed branch with a merge in its history, and a remote that has all of it."""
    repo = Repo.make(tmp_path / "repo")
    repo.commit("good", {"app": "1"})
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit("feature", {"feature": "x"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("meanwhile", {"other": "y"})
    repo.git("merge", "--quiet", "--no-ff", "-m", "merge feature", "feature")
    repo.commit("bad", {"app": "2"})
    remote = Repo.bare(tmp_path / "remote")
    repo.git("remote", "add", "origin", str(remote.folder))
    repo.git("push", "--quiet", "origin", "main")
    return repo


@pytest.fixture
def remote(repo: Repo, tmp_path: Path) -> Repo:
    return Repo(tmp_path / "remote")


def wanted(repo: Repo, verb: str, **options: Any) -> Effect:
    more = {"name": FIX} if verb in ("branch", "test", "deploy") else {}
    return effect(verb, {"repo": str(repo.folder), **more, **options})


async def act(one: Effect, blobs: Blobs | None = None) -> Outcome:
    return await GitRelease().act(one, blobs or Blobs())


def committed(repo: Repo, files: dict[str, str]) -> str:
    """Somebody commits on the branch of the fix, in a clone of their own."""
    clone = repo.copy(repo.folder.parent / "clone")
    clone.git("remote", "set-url", "origin", str(repo.folder))
    clone.git("fetch", "--quiet", "origin", FIX)
    clone.git("checkout", "--quiet", "-B", FIX, "FETCH_HEAD")
    commit = clone.commit("the fix", files)
    clone.git("push", "--quiet", "origin", FIX)
    return commit


# --- push ---------------------------------------------------------------------------------------------


async def test_a_marked_rollback_over_a_merge_is_pushed(repo: Repo, remote: Repo) -> None:
    """Given a remote, when the branch was rolled back and is pushed, then the remote has the marked commit."""
    good = repo.git("rev-parse", "HEAD~3")
    back = await act(wanted(repo, "rollback", release=good, title="SEV-1: checkout times out"))
    assert back.ending is Ending.DONE, back.because
    outcome = await act(wanted(repo, "push"))
    assert outcome.ending is Ending.DONE, outcome.because
    assert remote.git("log", "-1", "--format=%s", "main") == "[ROLLBACK] SEV-1: checkout times out"
    assert remote.tree("main") == repo.tree(good)
    assert outcome.facts == {"commit": repo.head(), "remote": "origin"}


async def test_commits_that_are_only_at_the_remote_are_never_overwritten(
    repo: Repo, remote: Repo
) -> None:
    other = repo.copy(repo.folder.parent / "other")
    theirs = other.commit("by somebody else", {"app": "7"})
    other.git("push", "--quiet", "origin", "main")
    repo.commit("ours", {"app": "8"})
    outcome = await act(wanted(repo, "push"))
    assert outcome.ending is Ending.FAILED
    assert "commits that are not here" in outcome.because
    assert remote.git("rev-parse", "main") == theirs


@pytest.mark.parametrize(
    ("name", "says"), [("nowhere", "no remote nowhere"), ("--mirror", "bad options")]
)
async def test_only_a_remote_that_is_configured_is_pushed_to(
    repo: Repo, name: str, says: str
) -> None:
    outcome = await act(wanted(repo, "push", remote=name))
    assert outcome.ending is Ending.FAILED
    assert says in outcome.because


async def test_a_remote_that_would_run_a_program_is_refused(repo: Repo, tmp_path: Path) -> None:
    """Given a remote whose address is a program, then it does not run."""
    repo.git("remote", "set-url", "origin", f"ext::touch {tmp_path}/ran")
    repo.git("config", "protocol.ext.allow", "always")
    outcome = await act(wanted(repo, "push"))
    assert outcome.ending is Ending.FAILED
    assert not (tmp_path / "ran").exists()


async def test_what_is_read_back_is_where_it_is_pushed_to(
    repo: Repo, remote: Repo, tmp_path: Path
) -> None:
    """Given a remote that is fetched from one place and pushed to two others, only those two count."""
    places = [Repo.bare(tmp_path / name) for name in ("one", "two")]
    repo.git("remote", "set-url", "--push", "origin", str(places[0].folder))
    repo.git("remote", "set-url", "--push", "--add", "origin", str(places[1].folder))
    one = wanted(repo, "push")
    assert remote.git("rev-parse", "main") == repo.head(), "the place it is fetched from has it"
    assert (await GitRelease().observe(one)).ending is Ending.FAILED
    outcome = await act(one)
    assert outcome.ending is Ending.DONE, outcome.because
    assert [place.git("rev-parse", "main") for place in places] == [repo.head()] * 2
    assert (await GitRelease().observe(one)).ending is Ending.DONE
    places[1].git("update-ref", "-d", "refs/heads/main")
    assert (await GitRelease().observe(one)).ending is Ending.FAILED


async def test_a_remote_that_is_away_fails_and_nothing_is_claimed(repo: Repo, remote: Repo) -> None:
    remote.folder.rename(remote.folder.with_name("moved"))
    assert (await act(wanted(repo, "push"))).ending is Ending.FAILED
    assert (await GitRelease().observe(wanted(repo, "push"))).ending is Ending.UNKNOWN


async def test_a_hook_at_the_remote_may_say_no(repo: Repo, remote: Repo) -> None:
    hook = remote.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho closed >&2\nexit 1\n")
    hook.chmod(0o755)
    repo.commit("more", {"app": "9"})
    outcome = await act(wanted(repo, "push"))
    assert outcome.ending is Ending.FAILED
    assert remote.git("rev-parse", "main") != repo.head()


# --- a rollback by whatever id a service reports --------------------------------------------------------


@pytest.mark.parametrize("kind", ["commit", "tree"])
async def test_a_release_is_a_commit_or_a_tree_and_what_ran_before_is_named_alike(
    repo: Repo, kind: str
) -> None:
    """Given the id of a commit or of a tree, when rolled back, then the fact `was` takes it forward again."""
    ids = {"commit": repo.git("rev-parse", "HEAD~3"), "tree": repo.tree("HEAD~3")}
    bad = repo.tree()
    back = await act(wanted(repo, "rollback", release=ids[kind]))
    assert back.ending is Ending.DONE, back.because
    forward = effect(
        "rollback",
        {"repo": str(repo.folder), "release": back.facts["was"]},
        id="incident/INC-1:9:0",
    )
    assert (await act(forward)).ending is Ending.DONE
    assert repo.tree() == bad


# --- fix ----------------------------------------------------------------------------------------------


async def test_a_fix_from_its_branch_to_its_deployment(repo: Repo, remote: Repo) -> None:
    """Given a branch that was made and pushed, when somebody has committed and the tests pass, then one commit on
    the deployed branch has the fix, bears its marker, and is checked out."""
    begun = await act(wanted(repo, "branch", remote="origin"))
    assert begun.ending is Ending.DONE, begun.because
    assert remote.git("rev-parse", FIX) == repo.head()
    fix = committed(repo, {"app": "3", "check": "exit 0\n"})
    before, tree = repo.head(), repo.tree()
    blobs = Blobs()
    tested = await act(wanted(repo, "test", argv=["sh", "check"]), blobs)
    assert (tested.ending, tested.facts["commit"]) == (Ending.DONE, fix), tested.because
    assert (repo.head(), repo.status()) == (before, "")
    done = await act(wanted(repo, "deploy", title="SEV-2: checkout times out"))
    assert done.ending is Ending.DONE, done.because
    assert repo.git("log", "-1", "--format=%s") == "[FIX] SEV-2: checkout times out"
    assert repo.git("log", "-1", "--format=%P") == f"{before} {fix}"
    assert (repo.tree(), (repo.folder / "app").read_text()) == (repo.tree(fix), "3")
    assert (done.facts["was"], done.facts["fix"]) == (tree, fix)
    again = await act(wanted(repo, "deploy", title="SEV-2: checkout times out"))
    assert again.facts == done.facts


async def test_a_branch_that_never_came_to_the_remote_is_not_said_to_be_there(
    repo: Repo, remote: Repo
) -> None:
    """Given a branch that was made here and not pushed when the coordinator died, looking says no, and doing it
    again pushes it."""
    repo.git("branch", FIX)
    one = wanted(repo, "branch", remote="origin")
    seen = await GitRelease().observe(one)
    assert seen.ending is Ending.FAILED, seen.because
    assert (await act(one)).ending is Ending.DONE
    assert remote.git("rev-parse", FIX) == repo.head()
    assert (await GitRelease().observe(one)).ending is Ending.DONE


async def test_a_branch_whose_fix_has_begun_at_the_remote_is_there(
    repo: Repo, remote: Repo
) -> None:
    """Given somebody who has committed on the branch at the remote already, making it again says that it is there,
    and nothing of theirs is touched."""
    one = wanted(repo, "branch", remote="origin")
    await act(one)
    clone = repo.copy(repo.folder.parent / "clone")
    clone.git("checkout", "--quiet", FIX)
    fix = clone.commit("the fix", {"app": "3"})
    clone.git("push", "--quiet", "origin", FIX)
    again = await act(one)
    assert again.ending is Ending.DONE, again.because
    assert remote.git("rev-parse", FIX) == fix
    assert (await GitRelease().observe(one)).ending is Ending.DONE


async def test_commits_at_the_remote_are_what_is_tested_and_deployed(
    repo: Repo, remote: Repo
) -> None:
    """Given a fix that somebody pushed to the remote, when it is tested and deployed from there, then it is that
    commit, and no branch here was moved for it but the deployed one."""
    await act(wanted(repo, "branch", remote="origin"))
    base = repo.head()
    clone = repo.copy(repo.folder.parent / "clone")
    clone.git("checkout", "--quiet", FIX)
    fix = clone.commit("the fix", {"app": "3"})
    clone.git("push", "--quiet", "origin", FIX)
    tested = await act(wanted(repo, "test", argv=["grep", "-q", "3", "app"], remote="origin"))
    assert tested.ending is Ending.DONE, tested.because
    done = await act(wanted(repo, "deploy", remote="origin"))
    assert (done.ending, done.facts["fix"]) == (Ending.DONE, fix), done.because
    assert repo.git("rev-parse", FIX) == base
    assert remote.git("rev-parse", FIX) == fix


async def test_what_was_tested_is_what_is_deployed(repo: Repo) -> None:
    """Given a fix whose tests passed, when somebody commits more on its branch, then that is not deployed."""
    await act(wanted(repo, "branch"))
    fix = committed(repo, {"app": "3"})
    assert (await act(wanted(repo, "test", argv=["grep", "-q", "3", "app"]))).ending is Ending.DONE
    clone = Repo(repo.folder.parent / "clone")
    later = clone.commit("nobody has tested this", {"app": "broken"})
    clone.git("push", "--quiet", "origin", FIX)
    done = await act(wanted(repo, "deploy"))
    assert (done.ending, done.facts["fix"]) == (Ending.DONE, fix), done.because
    assert (repo.folder / "app").read_text() == "3"
    assert later[:12] in done.because


async def test_a_tested_commit_that_was_taken_off_its_branch_is_not_deployed(repo: Repo) -> None:
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    assert (await act(wanted(repo, "test", argv=["true"]))).ending is Ending.DONE
    clone, head = Repo(repo.folder.parent / "clone"), repo.head()
    clone.git("reset", "--quiet", "--hard", "HEAD^")
    clone.commit("another way", {"app": "4"})
    clone.git("push", "--quiet", "--force", "origin", FIX)
    outcome = await act(wanted(repo, "deploy"))
    assert outcome.ending is Ending.FAILED
    assert "tested" in outcome.because
    assert repo.head() == head


async def test_tests_that_fail_later_end_what_an_earlier_run_has_shown(repo: Repo) -> None:
    """Given tests that passed once and then failed for a newer commit, when a person lets the fix go on all the
    same, then what is on its branch is deployed, as without tests."""
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    assert (await act(wanted(repo, "test", argv=["true"]))).ending is Ending.DONE
    clone = Repo(repo.folder.parent / "clone")
    later = clone.commit("the rest of it", {"app": "4"})
    clone.git("push", "--quiet", "origin", FIX)
    assert (await act(wanted(repo, "test", argv=["false"]))).ending is Ending.FAILED
    done = await act(wanted(repo, "deploy"))
    assert (done.ending, done.facts["fix"]) == (Ending.DONE, later), done.because


async def test_tests_that_fail_say_what_they_said(repo: Repo) -> None:
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    blobs = Blobs()
    program = ["sh", "-c", "cat app; echo; echo 1 of 4 failed; exit 1"]
    outcome = await act(wanted(repo, "test", argv=program), blobs)
    assert outcome.ending is Ending.FAILED
    assert outcome.because.endswith("fail: 1 of 4 failed")
    assert blobs.held[outcome.evidence].startswith(b"3\n")


async def test_what_tests_leave_of_their_folder_changes_nothing_of_what_they_have_shown(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given tests that pass, and leave their folder so that it cannot be taken away, then they have passed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    program = ["sh", "-c", 'place=$(dirname "$PWD"); cd /; rm -rf "$place"; echo > "$place"']
    outcome = await act(wanted(repo, "test", argv=program))
    assert outcome.ending is Ending.DONE, outcome.because


async def test_tests_that_hang_are_ended_and_have_failed(repo: Repo) -> None:
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    one = effect(
        "test", {"repo": str(repo.folder), "name": FIX, "argv": ["sleep", "600"]}, timeout_ms=1500
    )
    outcome = await act(one)
    assert outcome.ending is Ending.FAILED
    assert "did not end within" in outcome.because


async def test_nothing_is_deployed_that_nobody_committed(repo: Repo) -> None:
    await act(wanted(repo, "branch"))
    for verb, more in (("test", {"argv": ["true"]}), ("deploy", {})):
        outcome = await act(wanted(repo, verb, **more))
        assert outcome.ending is Ending.FAILED
        assert "nobody has committed" in outcome.because


async def test_a_fix_of_something_else_than_what_is_deployed_is_refused(repo: Repo) -> None:
    """Given a fix, when another commit was deployed meanwhile, then the fix is not deployed over it."""
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    repo.commit("somebody else deployed", {"app": "5"})
    head = repo.head()
    for verb, more in (("test", {"argv": ["true"]}), ("deploy", {})):
        outcome = await act(wanted(repo, verb, **more))
        assert outcome.ending is Ending.FAILED
        assert "not based on what is deployed" in outcome.because
    assert repo.head() == head
    stale = await act(wanted(repo, "branch"))
    assert stale.ending is Ending.FAILED


async def test_a_crash_before_the_work_tree_followed_is_mended(repo: Repo) -> None:
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    one = wanted(repo, "deploy")
    await act(one)
    count = repo.count()
    repo.git("read-tree", "--reset", "-u", "HEAD^")
    assert (await GitRelease().observe(one)).ending is Ending.FAILED
    assert (await act(one)).ending is Ending.DONE
    assert (repo.count(), repo.status()) == (count, "")
    assert (await GitRelease().observe(one)).ending is Ending.DONE


@pytest.mark.parametrize("name", ["main", "a..b", "-x", "x.lock", "a b", "refs/heads/"])
async def test_a_branch_that_cannot_be_one_changes_nothing(repo: Repo, name: str) -> None:
    before = repo.refs()
    outcome = await act(wanted(repo, "branch", name=name))
    assert outcome.ending is Ending.FAILED
    assert repo.refs() == before


async def test_a_fix_that_has_failed_is_rolled_back_over_its_merge(repo: Repo) -> None:
    """Given a deployed fix, when the service goes back to the tree before, then history is kept, and the tree is
    exact."""
    good = repo.tree("HEAD~3")
    await act(wanted(repo, "branch"))
    committed(repo, {"app": "3"})
    await act(wanted(repo, "deploy"))
    back = effect(
        "rollback", {"repo": str(repo.folder), "tree": good, "title": "x"}, id="incident/INC-1:9:0"
    )
    assert (await act(back)).ending is Ending.DONE
    assert repo.tree() == good
    assert "[FIX]" in repo.git("log", "-2", "--format=%s")
