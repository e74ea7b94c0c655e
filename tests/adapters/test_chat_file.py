"""The notifier `chat-file`: once, durable, unforgeable."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from allstop.adapters.chat_file import ChatFile, mark
from allstop.domain.effects import Ending, Outcome
from tests.adapters.worlds import Blobs, effect


async def post(path: Path, id: str = "n:1", **options: Any) -> Outcome:
    wanted = effect(
        "post", {"path": str(path), "subject": "Stop", **options}, id=id, timeout_ms=2000
    )
    return await ChatFile().act(wanted, Blobs())


async def test_two_posts_at_once_are_one_message(tmp_path: Path) -> None:
    """Given one effect done ten times at once, the file holds one message."""
    chat = tmp_path / "chat.md"
    outcomes = await asyncio.gather(*(post(chat) for _ in range(10)))
    assert {outcome.ending for outcome in outcomes} == {Ending.DONE}
    assert chat.read_text().count(mark("n:1")) == 1


async def test_a_torn_message_is_posted_again(tmp_path: Path) -> None:
    """Given a write that lost its end to a crash, observing says it is not there."""
    chat = tmp_path / "chat.md"
    await post(chat)
    os.truncate(chat, chat.stat().st_size - 5)
    wanted = effect("post", {"path": str(chat), "subject": "Stop"}, id="n:1")
    assert (await ChatFile().observe(wanted)).ending is Ending.FAILED
    await post(chat)
    assert (await ChatFile().observe(wanted)).ending is Ending.DONE


async def test_a_text_cannot_forge_the_mark_of_another(tmp_path: Path) -> None:
    """Given a text that quotes a mark, the other effect is still not there."""
    chat = tmp_path / "chat.md"
    forged = f"x\n{mark('n:2')}\n"
    await post(chat, text=forged, subject=forged, to=forged)
    wanted = effect("post", {"path": str(chat)}, id="n:2")
    assert (await ChatFile().observe(wanted)).ending is Ending.FAILED


def test_marks_of_different_ids_differ_and_stay_comments() -> None:
    """Given hostile ids, no two share a mark and none ends its comment early."""
    ids = ["a", "a-->", "a--", "a-%2D", "a\n", "ä", "a b", "\ud800", "a%20b"]
    marks = [mark(one) for one in ids]
    assert len(set(marks)) == len(ids)
    for one in marks:
        assert one.isascii()
        assert "--" not in one.removeprefix("<!--").removesuffix("-->")


async def test_a_pipe_or_a_full_disk_is_no_place_to_post(tmp_path: Path) -> None:
    """Given something that is no ordinary file, it fails at once instead of waiting for a reader."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert (await post(pipe)).ending is Ending.FAILED
    assert (await post(tmp_path)).ending is Ending.FAILED


async def test_surrogates_and_control_characters_do_not_reach_the_file(tmp_path: Path) -> None:
    """Given a text no encoder takes, it is posted without what cannot be written."""
    chat = tmp_path / "chat.md"
    assert (await post(chat, text="a\ud800b\x1b[31mc\nd")).ending is Ending.DONE
    assert "ab[31mc\nd" in chat.read_text("utf-8")


HAND_OFF = """task: INCIDENT-2026-11-21-SEV1
state: blocked
payload: payloads/INC-1.json
next: Ben

report:
  severity: SEV1
  status: investigating"""


def with_payload(folder: Path, **more: str) -> dict[str, str]:
    return {
        "payloads": str(folder), "attachment": '{"incident":"INC-1"}', "attachment_name": "INC-1.json", **more,
    }  # fmt: skip


async def test_a_hand_off_block_stays_as_it_was_written(tmp_path: Path) -> None:
    """Given a text of many lines, when it is posted, then programs find every line of it unchanged."""
    chat = tmp_path / "chat.md"
    assert (await post(chat, text=HAND_OFF)).ending is Ending.DONE
    assert f"\n\n{HAND_OFF}\n\n{mark('n:1')}\n" in chat.read_text()


async def test_the_payload_lies_beside_the_message_once(tmp_path: Path) -> None:
    """Given a payload, when it is posted twice, then there is one message, and one file with the whole of it."""
    chat, folder = tmp_path / "chat.md", tmp_path / "payloads"
    for _ in range(2):
        assert (await post(chat, **with_payload(folder))).ending is Ending.DONE
    assert [one.name for one in folder.iterdir()] == ["INC-1.json"]
    assert (folder / "INC-1.json").read_text() == '{"incident":"INC-1"}'
    assert chat.read_text().count(mark("n:1")) == 1


async def test_a_payload_that_cannot_be_kept_means_no_message(tmp_path: Path) -> None:
    """Given a folder that cannot be, or a name that leads out of it, then nothing is posted."""
    chat, folder = tmp_path / "chat.md", tmp_path / "payloads"
    (tmp_path / "file").write_text("")
    for options in (
        with_payload(tmp_path / "none" / "payloads"),
        with_payload(tmp_path / "file"),
        with_payload(folder, payloads=""),
        *(with_payload(folder, attachment_name=name) for name in ("", "../x.json", ".x", "a/b")),
    ):
        assert (await post(chat, **options)).ending is Ending.FAILED
    assert not chat.exists()
    assert not (tmp_path / "x.json").exists()


async def test_a_payload_without_its_message_is_not_done(tmp_path: Path) -> None:
    """Given a crash between the payload and the message, then observing says it is not there, and doing
    it again completes it."""
    chat, folder = tmp_path / "chat.md", tmp_path / "payloads"
    folder.mkdir()
    (folder / "INC-1.json").write_text('{"half')
    options = {"path": str(chat), "subject": "Stop", **with_payload(folder)}
    wanted = effect("post", options, id="n:1")
    assert (await ChatFile().observe(wanted)).ending is Ending.FAILED
    assert (await post(chat, **with_payload(folder))).ending is Ending.DONE
    assert (await ChatFile().observe(wanted)).ending is Ending.DONE
    assert (folder / "INC-1.json").read_text() == '{"incident":"INC-1"}'
