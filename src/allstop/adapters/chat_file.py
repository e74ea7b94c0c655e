"""Notifier `chat-file`: posts to a Markdown file that people and programs read."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import append, holds_line, locked, replace, sync_folder
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import many_lines, one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown

_WRITERS = ThreadPoolExecutor(4, thread_name_prefix="allstop-chat")
# A name that stays in its folder, on any file system.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class PostOptions(Options):
    """The file of a channel, and one message."""

    path: str = Field(min_length=1, title="File", description="Markdown file to append to.")
    to: str = Field(default="", title="To", description="Who is addressed.")
    subject: str = Field(default="", title="Subject", description="Heading of the message.")
    text: str = Field(default="", title="Text", description="The message, Markdown.")
    payloads: str = Field(
        default="",
        title="Payloads",
        description="Folder where the incident is kept as a JSON file; made when its parent is there.",
    )
    attachment: str = Field(
        default="",
        title="Attachment",
        description="What is kept there before the message is posted.",
    )
    attachment_name: str = Field(
        default="", title="Attachment name", description="Name of that file, without a folder."
    )


class ChatFile:
    """See `info`."""

    info = AdapterInfo(
        name="chat-file",
        summary="Posts to a Markdown file.",
        version="1",
        ports=("notifier", "actuator"),
        verbs=(VerbInfo("post", "Appends a message, once.", Repeat.PROBE, PostOptions),),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Append the message unless its mark is there already; durable when done.

        The payload is kept first: a message must never point at a file that is not there.
        """
        return await self._in_thread(effect, _post)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the file can be written, or made. Nothing is posted."""
        chosen = read_options(PostOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        job = asyncio.get_running_loop().run_in_executor(_WRITERS, _writable, Path(chosen.path))
        try:
            async with asyncio.timeout(Deadline.within(timeout_ms).left_ms() / 1000):
                fault = await job
        except TimeoutError:
            return unknown("the file system did not answer in time")
        except (OSError, ValueError) as error:
            return failed(one_line(str(error)))
        return failed(fault) if fault else done(f"{chosen.path} can be written")

    async def observe(self, effect: Effect) -> Outcome:
        """Look for the mark."""
        return await self._in_thread(effect, _look, or_else=unknown)

    async def _in_thread(
        self,
        effect: Effect,
        work: Callable[[Effect, PostOptions, Deadline], Outcome],
        or_else: Callable[[str], Outcome] = failed,
    ) -> Outcome:
        if effect.verb != "post":
            return failed(f"no verb {effect.verb}")
        options = read_options(PostOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        deadline = Deadline.within(effect.timeout_ms)
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(_WRITERS, work, effect, options, deadline)
        try:
            # A dead network disk holds a thread, not the effect.
            async with asyncio.timeout(deadline.left_ms() / 1000):
                return await job
        except TimeoutError:
            return unknown("the file system did not answer in time")
        except (OSError, ValueError) as error:
            return or_else(one_line(str(error)))


def mark(effect_id: str) -> str:
    """The comment that stands behind a message.

    Whatever could end the comment, or be read as two different ids, is percent-encoded.
    """
    kept = re.sub(r"[^A-Za-z0-9_.:/@#+-]", _percent, effect_id).replace("--", "-%2D")
    return f"<!-- allstop:{kept} -->"


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "replace"))


def _post(effect: Effect, options: PostOptions, deadline: Deadline) -> Outcome:
    path, line = Path(options.path), mark(effect.id)
    if not path.parent.is_dir():
        return failed(f"no folder {path.parent}")
    if options.attachment and not (
        options.payloads and _FILE_NAME.fullmatch(options.attachment_name)
    ):
        return failed("an attachment needs a folder `payloads`, and a plain file name")
    try:
        with locked(path, deadline):
            if holds_line(path, line.encode()):
                return done("the message is there already")
            if options.attachment:
                _keep(Path(options.payloads), options.attachment_name, options.attachment)
            append(path, _block(options, line).encode("utf-8"))
    except TimeoutError as error:
        return retry(str(error))
    return done(f"posted to {path.name}")


def _keep(folder: Path, name: str, body: str) -> None:
    """Put the payload in its place, whole and durable. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    replace(folder / name, body)


def _writable(path: Path) -> str:
    """Why a message could not be appended, or empty. Raises OSError, ValueError for what is no path."""
    if not path.parent.is_dir():
        return f"no folder {path.parent}"
    if path.exists() and not path.is_file():
        return f"{path} is no ordinary file"
    # The lock stands beside the file, so the folder must be writable in any case.
    for place in (path.parent, *([path] if path.exists() else [])):
        if not os.access(place, os.W_OK):
            return f"{place} may not be written"
    return ""


def _look(effect: Effect, options: PostOptions, deadline: Deadline) -> Outcome:  # noqa: ARG001
    if holds_line(Path(options.path), mark(effect.id).encode()):
        return done("the message is there")
    return failed("the message is not there")


def _block(options: PostOptions, line: str) -> str:
    """The message. The mark comes last: a torn write then has none and is posted again whole."""
    # A text must not be able to forge the mark of another message.
    subject = one_line(options.subject).replace("<!--", "&lt;!--")
    text = many_lines(options.text).strip("\n").replace("<!--", "&lt;!--")
    at = f"*{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}*"
    to = one_line(options.to).replace("<!--", "&lt;!--")
    parts = [f"## {subject}"] if subject else []
    parts.append(f"{at} · to {to}" if to else at)
    parts += [text] if text else []
    return "\n" + "\n\n".join(parts) + f"\n\n{line}\n"
