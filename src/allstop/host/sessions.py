"""The sessions of clients on this machine, put together without asking a model: what the gate wrote down, what a client lists itself.

The gate's lines stand in a file that anybody here may append to. So a session is something that was *told*, and an agent
is named only where a process of its group was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from allstop.host.client_lists import Listed
from allstop.host.spool import Fact, Receipt

# Whoever has said nothing for so long is no more counted.
WINDOW_S = 900
MOST = 500
# What opens a session again; its id follows.
_RESUMING = {
    "claude": "claude --resume ",
    "codex": "codex resume ",
    "gemini": "gemini --resume ",
    "copilot": "copilot --resume=",
}
_ENDED = frozenset({"SessionEnd", "sessionEnd"})
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Session:
    """One session of a client. last: the event it told last, or `refused TOOL`; seconds: when, since the machine started;
    folder: empty when it never said."""

    runtime: str
    session: str
    last: str
    seconds: int
    folder: str = ""

    @property
    def ended(self) -> bool:
        return self.last in _ENDED


class Sessions:
    """Remembers the sessions that were told of, the newest MOST of them. forgotten: how many more there were."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Session] = {}
        self.forgotten = 0

    def take(self, found: Receipt | Fact) -> None:
        """A line of the gate. One without a session says nothing about any."""
        if found.session == UNKNOWN:
            return
        key = (found.runtime, found.session)
        known = self._known.pop(key, None)
        if isinstance(found, Fact):
            folder = found.folder if found.folder.startswith("/") else ""
            now = Session(*key, found.event, found.seconds, folder)
        else:
            now = Session(*key, f"refused {found.tool}", found.seconds)
        if known is not None and not now.folder:
            now = replace(now, folder=known.folder)
        self._known[key] = now
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
            self.forgotten += 1

    def seen(
        self, seconds: float, listed: Iterable[Listed], agent_of: Callable[[int], str]
    ) -> list[dict[str, Any]]:
        """What is known of each session, the one that was heard of last first.

        seconds: of now, since the machine started; listed: what clients list themselves; agent_of: the agent in whose
        group a process is, or empty.
        """
        lines = {
            key: _line(one, seconds)
            for key, one in self._known.items()
            if 0 <= seconds - one.seconds <= WINDOW_S
        }
        for one in listed:
            key = (one.runtime, one.session)
            told = lines.get(key) or _line(Session(*key, "", 0, one.folder), None)
            lines[key] = told | {
                "ended": False, "folder": told["folder"] or one.folder, "pid": one.pid, "agent": agent_of(one.pid),
                "status": one.status, "known_by": [*told["known_by"], "client"],
            }  # fmt: skip
        return sorted(lines.values(), key=_newest)


def _line(one: Session, seconds: float | None) -> dict[str, Any]:
    """One session; seconds: of now, None for one the gate has not heard of."""
    resuming = _RESUMING.get(one.runtime, "")
    plain = bool(resuming) and not one.session.startswith("-")
    return {
        "runtime": one.runtime,
        "session": one.session,
        "agent": "",
        "folder": one.folder,
        "last": one.last,
        "seconds_ago": None if seconds is None else int(seconds - one.seconds),
        "ended": one.ended,
        "status": "",
        "pid": None,
        "resume": f"{resuming}{one.session}" if plain else "",
        "known_by": [] if seconds is None else ["gate"],
    }


def _newest(line: dict[str, Any]) -> tuple[bool, int, str]:
    ago = line["seconds_ago"]
    return ago is None, ago or 0, line["session"]
