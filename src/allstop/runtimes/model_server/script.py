"""What the model of a trial does: so many tool calls, one after the other, then it says that it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DONE = "That is all."


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. names: what the tool is called, the first that the client offers is taken."""

    names: tuple[str, ...]
    arguments: Mapping[str, Any]

    def name_among(self, offered: Iterable[str]) -> str | None:
        known = set(offered)
        return next((name for name in self.names if name in known), None)


@dataclass(slots=True)
class Script:
    """Answers by how many results a request already holds, so that it needs no memory of its own.

    turns: requests of the agent itself (those that offer tools); others: what else the client asked the server.
    """

    calls: tuple[Call, ...]
    turns: int = 0
    others: list[str] = field(default_factory=list)

    def next(self, results: int, offered: Iterable[str]) -> tuple[str, Mapping[str, Any]] | None:
        """The tool and its arguments that come next; None when there is nothing left to do, or no tool to do it with."""
        names = tuple(offered)
        if not names:
            return None
        self.turns += 1
        if results >= len(self.calls):
            return None
        call = self.calls[results]
        name = call.name_among(names)
        return (name, call.arguments) if name else None
