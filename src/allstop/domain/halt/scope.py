"""What a halt takes in: whom (its scope) and which of their tools (its classes)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

# Tools by what they can do to the world. `report` is no class of these: answering is always open.
CLASSES = ("read", "write", "exec", "net", "deploy", "spend", "comms", "other")
DEFAULT = ("default",)
HARD = ("hard",)
_WORDS = {
    "default": frozenset(CLASSES) - {"read"},
    "hard": frozenset(CLASSES),
}
KINDS = ("all", "team", "agent", "session", "repository", "host")
# Words of the state file on a host, which the smallest of programs reads: nothing odd gets in there.
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
LONGEST = 300


class Placed(Protocol):
    """An agent as scopes see it. host, session, repository: empty while unknown."""

    @property
    def id(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def repository(self) -> str: ...


def takes_in(scope: str, agent: Placed) -> bool:
    """Whether a scope takes in an agent. What is not known of an agent puts it in no scope of that kind."""
    kind, _, name = scope.partition(":")
    match kind:
        case "all":
            return True
        case "team":
            return agent.team == name
        case "agent":
            return agent.id == name
        case "session":
            return bool(name) and agent.session == name
        case "host":
            return bool(name) and agent.host == name
        case "repository":
            return bool(name) and _within(agent.repository, name)
        case _:
            return False


def _within(repository: str, name: str) -> bool:
    """Whether a repository is the named one, or lies in the named folder."""
    here, there = repository.rstrip("/"), name.rstrip("/")
    return here == there or (name.startswith("/") and here.startswith(f"{there}/"))


def trouble_with(scope: str) -> str:
    """Why a text is no scope, as one sentence; empty when it is one."""
    kind, _, name = scope.partition(":")
    if kind not in KINDS or (kind == "all") != (scope == "all"):
        return f"{scope} is no scope"
    if kind == "all":
        return ""
    if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST:
        return f"{kind}: names nothing that could be stopped"
    if kind in ("session", "host") and not _WORD.fullmatch(name):
        return f"a {kind} is named by letters, digits, dots, dashes and colons, at most 64"
    if kind == "repository" and ("//" in name or {".", ".."} & set(name.split("/"))):
        return "a repository is a name or an absolute path without `.`, `..` and double slashes"
    return ""


def blocked(classes: Iterable[str]) -> frozenset[str]:
    """The tool classes that are blocked. Of several halts the most restrictive wins: give all their classes."""
    return frozenset().union(*(_WORDS.get(one, frozenset((one,))) for one in classes))


def shown(classes: Iterable[str]) -> tuple[str, ...]:
    """Blocked classes in their usual order."""
    found = blocked(classes)
    return tuple(one for one in CLASSES if one in found)


def normal(classes: Iterable[str]) -> tuple[str, ...]:
    """Classes as they are recorded: `default` or `hard` alone, or a list in the usual order.

    Raises ValueError, in one sentence, for what names no class.
    """
    given = tuple(dict.fromkeys(classes)) or DEFAULT
    unknown = [one for one in given if one not in CLASSES and one not in _WORDS]
    if unknown:
        raise ValueError(f"{unknown[0]} is no class of tools")
    if blocked(given) == blocked(HARD):
        return HARD
    return DEFAULT if blocked(given) == blocked(DEFAULT) else shown(given)


def stops_work(classes: Iterable[str]) -> bool:
    """Whether somebody so held can do nothing but read and report."""
    return blocked(classes) >= blocked(DEFAULT)
