"""Who belongs to a tree of processes: by descent, by a mark in the environment, and through those that something else holds."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from allstop.adapters.mechanisms.process_tree import Kin, Mark, members, untouchable

# Says the number of a child that has a session of its own and no environment, then waits.
PARENT = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setsid()
    os.execve("/bin/sleep", ["sleep", "600"], {})
while open(f"/proc/{child}/environ", "rb").read():
    time.sleep(0.005)
print(child, flush=True)
time.sleep(600)
"""


@contextmanager
def family(value: str) -> Iterator[tuple[int, int]]:
    """A process with a mark, and its child that has forgotten it."""
    words = [sys.executable, "-S", "-c", PARENT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={"TRIAL": value}) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            yield parent.pid, child
        finally:
            os.kill(child, 9)
            parent.kill()


def numbers(kin: Kin) -> list[int]:
    return [process.pid for process in members(kin)]


def test_a_mark_finds_whoever_bears_it_and_what_they_started() -> None:
    value = uuid.uuid4().hex
    with family(value) as (parent, child):
        assert numbers(Kin(mark=Mark("TRIAL", value))) == [parent, child]


def test_a_mark_is_a_whole_word() -> None:
    value = uuid.uuid4().hex
    with family(value):
        assert numbers(Kin(mark=Mark("TRIAL", value[:-1]))) == []
        assert numbers(Kin(mark=Mark("RIAL", value))) == []


def test_who_is_held_already_is_left_out_and_what_it_started_is_found() -> None:
    """Given a parent that a group holds and a child outside of it without any mark, the child is found, and nobody else."""
    with family("anything") as (parent, child):
        kin = Kin(mark=Mark("TRIAL", uuid.uuid4().hex), without=frozenset({parent}))
        assert numbers(kin) == [child]
        assert numbers(Kin(mark=kin.mark, without=frozenset({parent, child}))) == []


def test_a_root_counts_with_everything_below_it() -> None:
    with family("anything") as (parent, child):
        assert numbers(Kin(root=psutil.Process(parent))) == [parent, child]


def test_who_has_ended_belongs_to_nothing() -> None:
    value = uuid.uuid4().hex
    with family(value) as (parent, child):
        os.kill(parent, 9)
        while psutil.Process(parent).status() != psutil.STATUS_ZOMBIE:
            pass
        assert numbers(Kin(mark=Mark("TRIAL", value))) == []
        assert psutil.pid_exists(child)


def test_this_process_and_those_above_it_are_not_to_be_touched() -> None:
    own = psutil.Process()
    assert untouchable() == {1, own.pid, *(one.pid for one in own.parents())}
