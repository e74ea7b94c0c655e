"""What is done on the spot, without a thread: only where nothing can hang, and never less carefully."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.mechanisms.memory_files import MemoryFolders
from allstop.adapters.mechanisms.order_file import NewerOrder
from allstop.adapters.mechanisms.order_record import read_record
from allstop.adapters.process import at_once
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.signalling import Asked
from tests.adapters.process_worlds import Service, freeze, on_ground, service, until
from tests.adapters.worlds import effect


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    with on_ground("memory", tmp_path) as folder:
        yield folder


@pytest.fixture
def plain(memory: Path) -> Iterator[Service]:
    with service(memory / "plain") as one:
        yield one


def asked(one: Service, epoch: int = 5, **options: Any) -> Asked | None:
    chosen = ProcessOptions(**one.options(**options))
    found = at_once.asked(effect("stop", {}, epoch=epoch), chosen, ends=True)
    if found is not None:
        found.handle.close()
    return found


# --- TERM ----------------------------------------------------------------------------------------


async def test_what_lives_in_memory_and_can_hear_is_asked_on_the_spot(plain: Service) -> None:
    """Given a service with its files on tmpfs, when it is to stop, then TERM is sent at once, and the order is
    noted as ever."""
    assert asked(plain) is not None
    await until(lambda: not plain.alive())
    assert read_record(plain.order_file).epoch == 5


async def test_a_newer_order_stands(plain: Service) -> None:
    """Given a newer order on record, when an older one comes, then it is refused and nothing is signalled."""
    assert asked(plain, epoch=9) is not None
    plain.end()
    plain.run()
    with pytest.raises(NewerOrder):
        asked(plain, epoch=8)
    assert plain.state() == "running"


def test_what_could_hang_or_take_long_is_left_to_a_thread(plain: Service, tmp_path: Path) -> None:
    """Given a word to read, an order file on a disk, a lock somebody holds, or a frozen service, when it is to
    stop, then nothing is signalled on the spot."""
    assert asked(plain, word="sh") is None
    assert asked(plain, order_file=str(tmp_path / "orders")) is None
    handle = os.open(f"{plain.order_file}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert asked(plain) is None
    os.close(handle)
    assert plain.state() == "running"
    freeze(plain)
    assert asked(plain) is None
    assert plain.state() == "frozen"


def test_on_a_disk_nothing_is_done_on_the_spot(tmp_path: Path) -> None:
    """Given a service with its files on a disk, then it is neither asked nor seen without a thread."""
    with service(tmp_path / "plain") as one:
        assert asked(one) is None
        assert not one.order_file.exists()
        one.end()
        assert at_once.gone(str(one.pid_file)) is None


# --- gone ----------------------------------------------------------------------------------------


def test_gone_is_said_only_of_a_number_that_nobody_has(memory: Path) -> None:
    """Given a service, then it is gone on the spot once it has ended; a pid file that is missing, makes no sense
    or is no file proves nothing."""
    with service(memory / "alone", "exec sleep 600\n", running=False) as one:
        one.run(complete=False)
        one.wait_for(["sleep"])
        number = one.pid
        assert at_once.gone(str(one.pid_file)) is None
        assert at_once.gone_with_its_group(str(one.pid_file)) is None
        one.end()
        assert at_once.gone(str(one.pid_file)) == number
        assert at_once.gone_with_its_group(str(one.pid_file)) == f"process {number} is gone"
    odd = memory / "odd"
    for text in ("", "1", "-5", "12 13", "9" * 30, '{"pid": 5}', "\u0663"):
        odd.write_text(text)
        assert at_once.gone(str(odd)) is None, text
    odd.unlink()
    assert at_once.gone(str(odd)) is None
    os.mkfifo(odd)
    assert at_once.gone(str(odd)) is None
    assert at_once.gone(str(memory)) is None


def test_a_pid_file_that_leads_out_of_memory_is_left_to_a_thread(
    memory: Path, tmp_path: Path
) -> None:
    """Given a pid file that is a link to a disk, then nothing is read through it on the spot, dead or alive."""
    with service(memory / "linked") as one:
        real = tmp_path / "real.pid"
        real.write_text(one.pid_file.read_text())
        one.pid_file.unlink()
        one.pid_file.symlink_to(real)
        assert asked(one) is None
        assert one.state() == "running"
        one.end()
        assert at_once.gone(str(one.pid_file)) is None
        assert at_once.gone_with_its_group(str(one.pid_file)) is None


def test_a_group_that_lives_on_is_not_gone(memory: Path) -> None:
    """Given a leader that has ended and left others of its group, then it is gone, and its group is not."""
    with service(memory / "orphans", "sleep 600 & exec sleep 600\n", running=False) as one:
        one.run(complete=False)
        one.wait_for(["sleep", "sleep"])
        os.kill(one.pid, 9)
        one.reap()
        assert at_once.gone(str(one.pid_file)) == one.pid
        assert at_once.gone_with_its_group(str(one.pid_file)) is None


# --- where -----------------------------------------------------------------------------------------


def test_a_link_on_the_way_out_of_memory_is_noticed(memory: Path, tmp_path: Path) -> None:
    """Given a folder in memory that is a link to a disk, then what is in there is not in memory."""
    folders = MemoryFolders()
    assert folders.hold(str(memory / "x.pid"))
    (memory / "out").symlink_to(tmp_path)
    assert not folders.hold(str(memory / "out" / "x.pid"))
    (memory / "in").mkdir()
    assert folders.hold(str(memory / "in" / "x.pid"))
    (memory / "in").rmdir()
    (memory / "in").symlink_to(tmp_path)
    assert not folders.hold(str(memory / "in" / "x.pid"))


def test_what_is_not_surely_in_memory_is_not(memory: Path, tmp_path: Path) -> None:
    """Given relative paths, ways back, folders that are not there, and a disk, then none is in memory."""
    folders = MemoryFolders()
    for file in ("x.pid", "", f"{memory}/../x.pid", f"{memory}/none/x.pid", str(tmp_path / "x")):
        assert not folders.hold(file), file


def test_the_innermost_mount_counts(memory: Path, tmp_path: Path) -> None:
    """Given mounts one inside another, also such with a space in their name, then what is mounted last and
    deepest says where a file is; and without a list of mounts nothing is in memory."""
    (memory / "net").mkdir()
    (memory / "a b").mkdir()
    mounts = tmp_path / "mounts"
    line = "1 1 0:1 / {} rw - {} none rw\n"
    mounts.write_text(
        line.format("/", "ext4") + line.format(memory, "nfs") + line.format(memory, "tmpfs")
        + line.format(f"{memory}/net", "nfs4") + line.format(f"{memory}/a\\040b", "fuse") + "odd\n"
    )  # fmt: skip
    folders = MemoryFolders(str(mounts))
    assert folders.hold(str(memory / "x"))
    assert not folders.hold(str(memory / "net" / "x"))
    assert not folders.hold(str(memory / "a b" / "x"))
    assert not folders.hold("/etc/x")
    assert not MemoryFolders(str(tmp_path / "none")).hold(str(memory / "x"))
