"""Control groups: what a signal misses, the kernel holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.adapters.mechanisms import cgroups
from allstop.adapters.mechanisms.cgroups import Group, NoGroup, group_at, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import ReadBack

# A tree that signals lose: each child makes its own session, forgets its environment and loses its parent.
ESCAPER = """
import os, sys, time
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve(sys.executable, [sys.executable, "-S", "-c", sys.argv[2], str(number)], {})
        os._exit(0)
    os.wait()
time.sleep(600)
"""
TICKER = """
import sys, time
while True:
    with open(sys.argv[1] + ".ticks", "a") as file:
        file.write(".")
    time.sleep(0.01)
"""
SLEEPER = "import time; time.sleep(600)"
BREEDER = """
import os, time
while True:
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
    time.sleep(0.005)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


def _version(number: int) -> bool:
    return any(version == number for version, _ in cgroups._mounts())


@pytest.fixture(params=[2, 1], ids=["version 2", "version 1"])
def group(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    """A fresh group in each kind of hierarchy that this machine has."""
    if not _version(request.param):
        pytest.skip(f"no control groups of version {request.param} that can freeze")
    of_kind = [(version, mount) for version, mount in cgroups._mounts() if version == request.param]
    monkeypatch.setattr(cgroups, "_mounts", lambda: iter(of_kind))
    try:
        made = make_group(f"try-{uuid.uuid4().hex[:12]}")
    except NoGroup as error:
        pytest.skip(f"no control group may be made here: {error}")
    yield made
    made.kill(Deadline.within(5000))
    deadline = time.monotonic() + 5
    while not made.remove() and time.monotonic() < deadline:
        time.sleep(0.01)


def inside(group: Group, *command: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
    """A process that is born in the group."""
    shell = 'echo $$ > "$0" && exec "$@"'
    place = str(group.path / "cgroup.procs")
    return subprocess.Popen(
        ["/bin/sh", "-c", shell, place, sys.executable, "-S", *command], cwd=folder
    )


def until(count: int, group: Group) -> None:
    deadline = time.monotonic() + 20
    while len(group.processes()) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(group.processes()) >= count


def at_work(count: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while len(list(folder.glob("*.ticks"))) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def ticks(folder: Path) -> int:
    return sum(len(path.read_text()) for path in folder.glob("*.ticks"))


def within() -> Deadline:
    return Deadline.within(5000)


def test_children_that_made_their_own_session_and_forgot_everything_are_frozen(
    group: Group, tmp_path: Path
) -> None:
    # given five children that no walk over parents, sessions or environments can find
    ticker = TICKER.replace("sys.argv[1]", repr(str(tmp_path)) + " + '/' + sys.argv[1]")
    with inside(group, "-c", ESCAPER, "5", ticker, folder=tmp_path) as parent:
        at_work(5, tmp_path)
        # when the group is frozen
        seen = group.freeze(within())
        # then the kernel says so, all are counted, and none of them works on
        assert seen == ReadBack(6, 6, ())
        assert group.frozen()
        before = ticks(tmp_path)
        time.sleep(0.2)
        assert ticks(tmp_path) == before
        # and when it is thawed, they go on where they stood
        assert group.thaw(within()).unruly == ()
        assert not group.frozen()
        deadline = time.monotonic() + 10
        while ticks(tmp_path) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert ticks(tmp_path) > before
        parent.kill()


def test_a_process_that_breeds_is_frozen_and_killed_whole(group: Group) -> None:
    with inside(group, "-c", BREEDER):
        until(4, group)
        assert group.freeze(within()).unruly == ()
        count = len(group.processes())
        time.sleep(0.1)
        assert len(group.processes()) == count
        # killed while it is frozen: nothing is left, and nothing was missed
        ended = group.kill(within())
        assert ended == ReadBack(ended.processes, ended.sessions, ())
        assert ended.processes == count
    assert group.processes() == ()


def test_who_enters_a_frozen_group_does_not_run(group: Group, tmp_path: Path) -> None:
    group.freeze(within())
    with subprocess.Popen([sys.executable, "-S", "-c", TICKER, str(tmp_path / "late")]) as late:
        group.enter(late.pid)
        deadline = time.monotonic() + 5
        while late.pid not in group.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        group.freeze(within())
        before = ticks(tmp_path)
        time.sleep(0.15)
        assert ticks(tmp_path) == before
        late.kill()
        group.thaw(within())


def test_freezing_twice_and_thawing_twice_is_as_once(group: Group) -> None:
    with inside(group, "-c", SLEEPER) as one:
        until(1, group)
        assert group.freeze(within()) == group.freeze(within())
        assert group.thaw(within()) == group.thaw(within())
        one.kill()


def test_a_group_below_is_frozen_with_it(group: Group) -> None:
    child = Group(group.path / "container", group.version)
    child.path.mkdir()
    with inside(child, "-c", SLEEPER) as one:
        until(1, group)
        assert group.freeze(within()).processes == 1
        assert child.frozen()
        # and it cannot be thawed from below: that is said, not hidden
        assert child.thaw(Deadline.within(100)).unruly
        group.thaw(within())
        one.kill()


def test_a_group_with_this_process_inside_is_left_alone(group: Group) -> None:
    home = _home(group.version)
    group.enter(os.getpid())
    try:
        for seen in (group.freeze(within()), group.kill(within())):
            assert seen.processes == 0
            assert "nothing was touched" in seen.unruly[0]
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))


def _home(version: int) -> Path:
    mount = next(place for number, place in cgroups._mounts() if number == version)
    return mount / cgroups._own_place(version)


def test_a_group_that_is_gone_is_said_to_be_gone(group: Group) -> None:
    assert group.remove()
    assert not group.frozen()
    assert group.processes() == ()
    with pytest.raises(NoGroup, match="there is no control group"):
        group.freeze(within())
    assert group.remove()


@pytest.mark.parametrize(
    "path",
    [
        "/", "/etc", "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/system.slice",
        "/sys/fs/cgroup/unified/allstop", "/sys/fs/cgroup/unified/allstop/../system.slice", "allstop/x", "",
        "/tmp/allstop/x",
    ],
)  # fmt: skip
def test_no_other_group_can_be_named(path: str) -> None:
    with pytest.raises(NoGroup):
        group_at(path)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "Ä", "a b", "x" * 200])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(NoGroup):
        make_group(name)


def test_nobody_stands_still_for_one_who_was_frozen_in_the_group_before(group: Group) -> None:
    """Given an agent that ended while it was frozen, when its group is made again, then the next one in it runs."""
    assert not group.freeze(Deadline.within(5000)).unruly
    again = make_group(group.path.name)
    with subprocess.Popen(["sleep", "600"]) as child:
        again.enter(child.pid)
        assert not again.frozen()
        again.kill(Deadline.within(5000))


def test_a_group_with_somebody_frozen_in_it_is_made_again_as_it_is(group: Group) -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        group.enter(child.pid)
        assert not group.freeze(Deadline.within(5000)).unruly
        assert make_group(group.path.name).frozen()
        group.kill(Deadline.within(5000))
