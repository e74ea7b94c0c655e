"""Agents of a machine: taken in only by whoever started them, and reached only as this process worked out itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.mechanisms.cgroups import NoGroup, group_at, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.domain.effects import Ending
from allstop.domain.halt.host_commands import Question
from allstop.errors import Invalid, Refused
from allstop.host.door import Peer
from allstop.host.held import Held, Here
from tests.adapters.worlds import Repo
from tests.host.whole import until

ME = Peer(os.getpid(), os.getuid())


def nobody(_: Here) -> bool:
    return False


def everybody(_: Here) -> bool:
    return True


@pytest.fixture
def name() -> Iterator[str]:
    """A name whose group is cleared away in the end."""
    name = f"try-{uuid.uuid4().hex[:10]}"
    try:
        group = make_group(name)
    except NoGroup as error:
        pytest.skip(f"no control group may be made here: {error}")
    yield name
    group.kill(Deadline.within(5000))
    until(group.remove)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path, lambda _: "")


def entering(name: str, pid: int, **more: Any) -> dict[str, Any]:
    return {
        "agent": name,
        "team": "builders",
        "runtime": "claude",
        "worktree": "",
        "pid": pid,
        **more,
    }


def test_an_agent_is_moved_into_a_group_before_it_begins(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    one = held.enter(entering(name, child.pid), ME, nobody)
    assert group_at(one.options["cgroup"]).processes() == (child.pid,)
    assert Path(one.options["halt_file"]).parent.is_dir()


@pytest.mark.parametrize(
    "words",
    [
        {"pid": 1}, {"pid": 0}, {"pid": -1}, {"pid": True}, {"pid": "7"}, {"pid": None}, {"agent": "../x"}, {"agent": ""},
        {"agent": "a/b"}, {"team": 3}, {"worktree": "x" * 2000}, {"runtime": None},
    ],
)  # fmt: skip
def test_words_without_sense_take_nobody_in(
    held: Held, child: subprocess.Popen[bytes], words: dict[str, Any]
) -> None:
    with pytest.raises((Invalid, Refused)):
        held.enter({**entering("somebody", child.pid), **words}, ME, nobody)
    assert held.agents == {}


def test_a_process_of_somebody_else_is_not_taken_in(held: Held, name: str) -> None:
    """Given a program that names a process it has not started, that process is not moved, frozen or remembered."""
    with pytest.raises(Refused, match="is no process that"):
        held.enter(entering(name, os.getppid()), ME, nobody)
    with pytest.raises(Refused, match="is no process that"):
        held.enter(entering(name, os.getpid()), ME, nobody)
    assert held.agents == {}


def test_how_it_is_reached_is_never_taken_from_whoever_asks(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    lies = {"options": {"cgroup": "/sys/fs/cgroup/system.slice", "pid_file": "/run/sshd.pid"}}
    one = held.enter(entering(name, child.pid, **lies), ME, nobody)
    assert "pid_file" not in one.options
    assert one.options["cgroup"].endswith(f"/allstop/{name}")


def test_a_name_that_runs_as_somebody_else_is_not_given_away(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    held.enter(entering(name, child.pid), ME, nobody)
    with pytest.raises(Refused, match="somebody else's"):
        held.enter(entering(name, child.pid), Peer(os.getpid(), 4711), nobody)


def test_nobody_leaves_a_group_by_entering_another(held: Held, name: str) -> None:
    """Given an agent, when it asks to have a child of its own put into a group that no order knows, the child stays where it is."""
    words = ["sh", "-c", "read go; sleep 600 & echo $!; wait"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        one = held.enter(entering(name, agent.pid), ME, nobody)
        group = group_at(one.options["cgroup"])
        agent.stdin.write(b"go\n")
        agent.stdin.flush()
        child = int(agent.stdout.readline())
        try:
            with pytest.raises(Refused, match="inside the group of an agent"):
                held.enter(entering(f"{name}-free", child), Peer(agent.pid, os.getuid()), nobody)
            assert child in group.processes()
            assert list(held.agents) == [name]
        finally:
            os.kill(child, signal.SIGKILL)
            group.kill(Deadline.within(5000))


def test_git_is_not_run_in_a_work_tree_of_somebody_else(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """A work tree's configuration names programs: whoever owns it must be no other than this process."""
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 4711, 4711)
    one = held.enter(entering(name, child.pid, worktree=str(theirs)), ME, nobody)
    assert "worktree" not in one.options
    assert one.worktree == str(theirs)  # a halt of its repository takes it in all the same


async def test_who_comes_under_a_halt_is_frozen_until_none_takes_it_in(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    one = held.enter(entering(name, child.pid), ME, everybody)
    group = group_at(one.options["cgroup"])
    assert group.frozen()
    seen = await held.follow((), everybody, 41)
    assert seen[name].ending is Ending.DONE
    assert group.frozen()
    assert await held.follow((), nobody, 42) == {}
    assert not group.frozen()


async def test_orders_freeze_and_wake_and_what_was_read_back_is_told(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    one = held.enter(entering(name, child.pid), ME, nobody)
    seen = await held.follow((name, "of another machine"), nobody, 41)
    assert list(seen) == [name]
    assert "1 process in 1 session frozen, read back" in seen[name].because
    assert group_at(one.options["cgroup"]).frozen()
    assert await held.follow((), nobody, 42) == {}
    assert not group_at(one.options["cgroup"]).frozen()


async def test_an_agent_that_has_ended_is_forgotten_and_its_group_goes(
    held: Held, name: str, child: subprocess.Popen[bytes]
) -> None:
    one = held.enter(entering(name, child.pid), ME, nobody)
    child.kill()
    child.wait()
    until(lambda: not group_at(one.options["cgroup"]).processes())
    await held.follow((), nobody, 41)
    assert held.agents == {}
    assert not group_at(one.options["cgroup"]).exists
    # but that it was here, and that nothing of it can run, is still told to whoever wants it stopped
    seen = await held.follow((name, "never-here"), nobody, 42)
    assert list(seen) == [name]
    assert "it has ended" in seen[name].because
    assert seen[name].facts == {"processes": 0}


async def test_an_agent_that_comes_back_is_no_longer_an_ended_one(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    held._ended = [name]
    held.enter(entering(name, child.pid), ME, nobody)
    again = Held(tmp_path, lambda _: "")
    assert again._ended == []
    assert "frozen, read back" in (await again.follow((name,), nobody, 41))[name].because
    await again.follow((), nobody, 42)


async def test_a_process_that_was_killed_finds_its_agents_again(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    held.enter(entering(name, child.pid, worktree="/srv/shop"), ME, nobody)
    again = Held(tmp_path, lambda _: "")
    assert again.folders() == {"shop": ("/srv/shop",)}
    seen = await again.follow((name,), nobody, 41)
    assert seen[name].ending is Ending.DONE
    await again.follow((), nobody, 42)


@pytest.mark.parametrize("rubbish", ["", "[]", "{}", "[1]", '[{"agent": "x"}]', "\x00"])
def test_a_note_without_sense_keeps_no_host_from_starting(tmp_path: Path, rubbish: str) -> None:
    (tmp_path / "agents.json").write_text(rubbish)
    assert Held(tmp_path, lambda _: "").agents == {}


def test_a_thousand_agents_are_enough(
    held: Held, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("allstop.host.held._MOST", 1)
    held.enter(entering(name, child.pid), ME, nobody)
    with pytest.raises(Invalid, match="1 agents are known"):
        held.enter(entering("one-more", child.pid), ME, nobody)
    assert len(json.loads((held._path).read_text())["agents"]) == 1


async def test_an_agent_taken_at_its_word_cannot_work_on_behind_it(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """Given an agent that says it has stopped and whose work tree agrees, it is held until no halt takes it in; one whose work
    tree disagrees goes on, and can save its work."""
    tree = Repo.make(tmp_path / "tree")
    commit = tree.commit("saved", {"notes": "1"})
    one = held.enter(entering(name, child.pid, worktree=str(tree.folder)), ME, nobody)
    group = group_at(one.options["cgroup"])
    question = Question(name, "HALT-3", commit, "")
    (tree.folder / "notes").write_text("2")
    assert (await held.check(question))["agrees"] is False
    assert not group.frozen()
    (tree.folder / "notes").write_text("1")
    assert (await held.check(question))["agrees"] is True
    assert group.frozen()
    assert held.at_word == {name}
    await held.follow((), everybody, 41)
    assert group.frozen()
    # an answer that is looked at again, and agrees no more, wakes nobody whom the first one holds
    assert (await held.check(replace(question, checkpoint="0" * 40)))["agrees"] is False
    assert group.frozen()
    await held.follow((), nobody, 42)
    assert not group.frozen()
    assert held.at_word == set()


async def test_a_release_that_follows_at_once_wakes_whoever_was_just_held(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """Given an agent that came under a halt, or was taken at its word, when the next order lifts the halt before anything
    else has happened, then it is woken."""
    tree = Repo.make(tmp_path / "tree")
    commit = tree.commit("saved", {"notes": "1"})
    one = held.enter(entering(name, child.pid, worktree=str(tree.folder)), ME, everybody)
    group = group_at(one.options["cgroup"])
    assert group.frozen()
    await held.follow((), nobody, 41)
    assert not group.frozen()
    assert (await held.check(Question(name, "HALT-3", commit, "")))["agrees"] is True
    assert group.frozen()
    await held.follow((), nobody, 42)
    assert not group.frozen()


async def test_an_agent_that_was_released_while_the_host_was_down_is_woken_by_its_next_start(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    one = held.enter(entering(name, child.pid), ME, nobody)
    group = group_at(one.options["cgroup"])
    await held.follow((name,), everybody, 41)
    # while a halt stands, a new start wakes nobody
    again = Held(tmp_path, lambda _: "")
    await again.follow((), everybody, 41)
    assert group.frozen()
    # and when it was lifted meanwhile, it wakes whom it finds
    last = Held(tmp_path, lambda _: "")
    assert await last.follow((), nobody, 42) == {}
    assert not group.frozen()


async def test_an_answer_is_compared_with_the_work_tree_it_speaks_of(
    held: Held, name: str, child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    # given an agent with a work tree, which says that all of its work is in a commit
    tree = Repo.make(tmp_path / "tree")
    commit = tree.commit("saved", {"notes": "1"})
    held.enter(entering(name, child.pid, worktree=str(tree.folder)), ME, nobody)
    question = Question(name, "HALT-3", commit, "")
    agreed = await held.check(question)
    assert agreed["agrees"] is True
    assert f"commit {commit[:12]} is HEAD" in str(agreed["evidence"])
    # when something is left that it did not save, or it names a commit that is none, then that is said
    (tree.folder / "notes").write_text("2")
    assert (await held.check(question))["agrees"] is False
    (tree.folder / "notes").write_text("1")
    assert (await held.check(replace(question, checkpoint="0" * 40)))["agrees"] is False
    # and nothing is said for one that is not here
    elsewhere = await held.check(replace(question, agent="never-here"))
    assert (elsewhere["agrees"], elsewhere["evidence"]) == (False, "it does not run here")
