"""The socket of a host: asking never changes, doing is never an accident, nonsense ends nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from allstop.errors import Invalid, Unavailable
from allstop.host.door import Door, Peer, call


class Diary:
    """What was asked and done through the door."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], Peer]] = []
        self.done: list[tuple[str, dict[str, Any], Peer]] = []

    async def ask(self, what: str, body: dict[str, Any], peer: Peer) -> dict[str, Any]:
        self.asked.append((what, body, peer))
        return {"answer": 42}

    async def do(self, what: str, body: dict[str, Any], peer: Peer) -> dict[str, Any]:
        self.done.append((what, body, peer))
        raise Invalid("not this", "that")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
async def door(tmp_path: Path, diary: Diary) -> AsyncIterator[Path]:
    path = tmp_path / "host.sock"
    door = Door(path, diary.ask, diary.do)
    await door.start()
    yield path
    await door.stop()
    assert not path.exists()


async def said(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    return await asyncio.to_thread(call, path, request)


async def raw(path: Path, line: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    writer.write_eof()
    found: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return found


async def test_who_asks_is_who_the_kernel_says(door: Path, diary: Diary) -> None:
    assert (await said(door, {"ask": "status", "uid": 0}))["answer"] == 42
    ((what, body, peer),) = diary.asked
    assert (what, body) == ("status", {"uid": 0})
    assert peer == Peer(os.getpid(), os.getuid())
    assert not diary.done


async def test_a_refusal_says_why_and_what_to_do(door: Path) -> None:
    with pytest.raises(Invalid, match="not this") as error:
        await said(door, {"do": "halt"})
    assert error.value.hint == "that"


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\n", b"halt\n", b"[]\n", b"{}\n", b'{"ask": "status", "do": "halt"}\n', b'{"do": 3}\n',
        b"[" * 50_000 + b"\n", b'{"do": "halt"', b"\xff\n", b"x" * 200_000,
    ],
)  # fmt: skip
async def test_nonsense_does_nothing(door: Path, diary: Diary, line: bytes) -> None:
    try:
        assert (await raw(door, line))["ok"] is False
    except (ConnectionError, ValueError):
        assert len(line) > 65_536  # it was not even read to its end
    if line == b'{"do": "halt"':
        return  # whole JSON it is not, and it was answered
    assert not diary.done
    assert (await said(door, {"ask": "status"}))["ok"] is True


async def test_a_second_process_on_the_same_folder_is_refused(door: Path, diary: Diary) -> None:
    with pytest.raises(Unavailable, match="another process"):
        await Door(door, diary.ask, diary.do).start()
    assert (await said(door, {"ask": "status"}))["ok"] is True


async def test_a_socket_that_a_killed_process_left_is_taken_over(
    tmp_path: Path, diary: Diary
) -> None:
    path = tmp_path / "host.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    door = Door(path, diary.ask, diary.do)
    await door.start()
    assert (await said(path, {"ask": "status"}))["ok"] is True
    await door.stop()


async def test_somebody_who_says_nothing_keeps_nobody_else_waiting(door: Path) -> None:
    silent = [await asyncio.open_unix_connection(str(door)) for _ in range(20)]
    assert (await said(door, {"ask": "status"}))["ok"] is True
    for _, writer in silent:
        writer.close()


def test_without_a_process_it_is_said_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as error:
        call(tmp_path / "host.sock", {"ask": "status"})
    assert "allstop host" in error.value.hint
