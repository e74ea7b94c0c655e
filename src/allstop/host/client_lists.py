"""What a client lists of its own running sessions, where it can: asked as the user whose sessions they are, and not trusted."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.programs import StartError, run

PATIENCE_MS = 3000
GOOD_FOR_S = 10.0
_LARGEST = 1_000_000
_MOST = 500
_WORD = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A running session as its client lists it. status: such as `busy` or `idle`, or empty."""

    runtime: str
    session: str
    pid: int
    folder: str
    status: str


class ClientLists:
    """Asks clients at most once in GOOD_FOR_S: everybody on this machine may ask this process, and starting a client costs."""

    def __init__(self) -> None:
        self._listed: tuple[Listed, ...] = ()
        self._at: float | None = None
        self._asking = asyncio.Lock()

    async def running(self, uids: Iterable[int], seconds: float) -> tuple[Listed, ...]:
        """The running sessions of these users. seconds: of now, since the machine started."""
        async with self._asking:
            if self._at is None or not 0 <= seconds - self._at < GOOD_FOR_S:
                self._listed, self._at = await listed_by_clients(uids), seconds
        return self._listed


async def listed_by_clients(uids: Iterable[int]) -> tuple[Listed, ...]:
    """The running sessions of these users, by clients on this process' PATH that have such a list (Claude Code).

    One that is not there, is slow, or says something else lists nothing.
    """
    program = shutil.which("claude")
    if program is None:
        return ()
    answers = await asyncio.gather(*(_asked(program, uid) for uid in sorted(set(uids))))
    return tuple(one for answer in answers for one in read_list(answer))


def read_list(answer: bytes) -> tuple[Listed, ...]:
    """What of an answer of `claude agents --json` is sound."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return ()
    lines = found[:_MOST] if isinstance(found, list) else []
    return tuple(one for one in map(_read, lines) if one is not None)


def _read(line: Any) -> Listed | None:
    if not isinstance(line, dict):
        return None
    session, pid = line.get("sessionId"), line.get("pid")
    if (
        not (isinstance(session, str) and _WORD.fullmatch(session))
        or type(pid) is not int
        or pid < 2
    ):
        return None
    folder, status = line.get("cwd"), line.get("status")
    sound = isinstance(folder, str) and folder.startswith("/") and folder.isprintable()
    known = isinstance(status, str) and _WORD.fullmatch(status)
    return Listed(
        "claude", session, pid, str(folder)[:1000] if sound else "", str(status) if known else ""
    )


async def _asked(program: str, uid: int) -> bytes:
    """What the program answers one user, in their home; nothing when it does not within PATIENCE_MS."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return b""
    words = [program, "agents", "--json"]
    if uid != os.geteuid():
        # Never with more rights than theirs: it reads what stands in their home, and does what stands there.
        words = [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "--",
            *words,
        ]
    environment = {"HOME": user.pw_dir, "USER": user.pw_name, "DISABLE_AUTOUPDATER": "1"}
    home = user.pw_dir if Path(user.pw_dir).is_dir() else "/"
    try:
        ran = await run(
            words, timeout_ms=PATIENCE_MS, cwd=home, env=environment, keep_bytes=_LARGEST
        )
    except StartError:
        return b""
    return ran.output if ran.code == 0 and not ran.cut else b""
