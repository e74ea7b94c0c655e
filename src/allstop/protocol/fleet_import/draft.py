"""The draft of a fleet under construction: values with where they come from, and the names of services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allstop.protocol.fleet_import.sources import Origin, clean

Path = tuple[str, ...]
LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar, a list or a mapping that is written in one line. origins: where it comes from; assumed: what
    of it the files do not say, empty for nothing."""

    value: Any
    origins: tuple[Origin, ...] = ()
    assumed: str = ""


Tree = dict[str, "Tree | Value"]


@dataclass(slots=True)
class Service:
    """One service of the draft. key: what the files call it, by kind of file; tree: what fleet.yaml says."""

    name: str
    origin: Origin
    tree: Tree = field(default_factory=dict)

    def put(
        self, path: Path, value: Any, origins: Iterable[Origin] = (), assumed: str = ""
    ) -> bool:
        """Set a value. What stands there already stays, and False says so."""
        here = self.tree
        for name in path[:-1]:
            following = here.setdefault(name, {})
            if isinstance(following, Value):
                return False
            here = following
        if path[-1] in here:
            return False
        here[path[-1]] = Value(value, tuple(dict.fromkeys(origins)), assumed)
        return True

    def get(self, *path: str) -> Tree | Value | None:
        here: Tree | Value | None = self.tree
        for name in path:
            here = here.get(name) if isinstance(here, dict) else None
        return here

    def has(self, *path: str) -> bool:
        return self.get(*path) is not None


@dataclass(slots=True)
class Names:
    """Names that nothing else has. Many of one wish cost no more than few."""

    taken: set[str] = field(default_factory=set)
    _next: dict[str, int] = field(default_factory=dict)

    def fresh(self, wish: str) -> str:
        """The wish, or a name made of it with a number; it is taken then."""
        found, number = wish, self._next.get(wish, 1)
        while found in self.taken:
            number += 1
            end = f"-{number}"
            found = f"{wish[: LONGEST_NAME - len(end)]}{end}"
        self._next[wish] = number
        self.taken.add(found)
        return found


@dataclass(slots=True)
class Draft:
    """services: by name in the draft; named: names in the draft by kind of file and name there; sets: as
    `fleet.yaml` has them."""

    services: dict[str, Service] = field(default_factory=dict)
    named: dict[tuple[str, str], str] = field(default_factory=dict)
    sets: Tree = field(default_factory=dict)
    _names: Names = field(default_factory=Names)
    _probes: Names = field(default_factory=Names)

    def add(self, kind: str, key: str, origin: Origin, wish: str = "") -> Service:
        """A new service. kind, key: how the files name it; wish: its name here, else made of the key."""
        name = self._names.fresh(slug(wish or key))
        service = Service(name, origin)
        self.services[name] = service
        self.named[(kind, key)] = name
        return service

    def of(self, kind: str, key: str) -> Service | None:
        """The service that files of a kind call so."""
        name = self.named.get((kind, key))
        return self.services.get(name) if name is not None else None

    def probe_name(self, service: Service, what: str) -> str:
        """A name for a probe that no other of the fleet has."""
        return self._probes.fresh(f"{service.name[: LONGEST_NAME - len(what) - 1]}-{what}")


def slug(text: str) -> str:
    """A name as documents have them."""
    found = _NO_NAME.sub("-", clean(text)).lstrip("-_.")[:LONGEST_NAME].rstrip("-_.")
    return found or "service"


def values(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Everything in a tree, with its path."""
    for name, child in tree.items():
        if isinstance(child, Value):
            yield (*path, name), child
        else:
            yield from values(child, (*path, name))


def drop(tree: Tree, path: Path) -> list[Value]:
    """Take out what stands at a path, and give back what it was made of; emptied mappings go too."""
    if not path:
        return []
    child = tree.get(path[0])
    if child is None:
        return []
    if len(path) == 1 or isinstance(child, Value):
        del tree[path[0]]
        return [child] if isinstance(child, Value) else [value for _, value in values(child)]
    gone = drop(child, path[1:])
    if not child:
        del tree[path[0]]
    return gone
