"""`extends`: a protocol on top of a pack or of another file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from allstop.domain.verdict import nearest
from allstop.protocol.document_conditions import is_tests
from allstop.protocol.problems import Place, Problem, problem
from allstop.protocol.reader import QUICK, Node, content, read


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from. shown: in problems; path: empty for a built-in pack."""

    shown: str
    path: Path | None
    pack: str = ""

    @property
    def identity(self) -> str:
        """The same for the same document, however it was named."""
        return f"pack:{self.pack}" if self.path is None else str(self.path.resolve())


# A key at the top level, so one line of its own.
_ABSTRACT = re.compile(r"^abstract: *true\b", re.MULTILINE)


def packs() -> tuple[str, ...]:
    """Names of the built-in protocols that can be adopted as they are."""
    return tuple(name for name in every_pack() if not _ABSTRACT.search(pack_text(name)))


@lru_cache(maxsize=1)
def every_pack() -> tuple[str, ...]:
    """Names of everything built in that `extends` may name."""
    folder = files("allstop.protocol") / "packs"
    return tuple(
        sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    )


@lru_cache(maxsize=64)
def pack_text(name: str) -> str:
    """The text of a built-in protocol. Raises FileNotFoundError."""
    return (files("allstop.protocol") / "packs" / f"{name}.yaml").read_text("utf-8")


@lru_cache(maxsize=64)
def _pack(name: str, text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """A built-in protocol, parsed once; nodes are never changed after that."""
    return read(text, f"packs/{name}.yaml", QUICK)


def read_source(source: Source, blame: Place) -> tuple[Node | None, tuple[Problem, ...]]:
    """The root of a document; what cannot be opened is blamed on `blame`. Never raises OSError."""
    if source.path is None:
        return _pack(source.pack, pack_text(source.pack))
    try:
        found = content(source.path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        itself = blame.file == source.shown
        hint = _mending(error) if itself else "see `extends`"
        code = "AP001" if itself else "AP030"
        return None, (problem(code, blame, f"{source.shown}: {reason}", hint),)
    return read(found, source.shown)


def _mending(error: Exception) -> str:
    """What to do about a document that cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return "make it with: allstop init"
    if isinstance(error, PermissionError):
        return "make it readable for yourself"
    return "copy what it holds into an ordinary file"


def read_chain(source: Source) -> tuple[Node | None, tuple[str, ...], tuple[Problem, ...]]:
    """The protocol with everything it extends merged in, and the names of what it extends.

    Every node keeps the place it was written at, so a problem points at the file that holds it.
    """
    problems: list[Problem] = []
    roots: list[Node] = []
    names: list[str] = []
    seen: set[str] = set()
    blame = Place(source.shown, 1, 1)
    following: Source | None = source
    while following is not None:
        seen.add(following.identity)
        root, found = read_source(following, blame)
        problems += found
        if root is None:
            return None, tuple(names), tuple(problems)
        problems += empty_values(root)
        root = _uniform(root)
        problems += _abstract(root, following)
        roots.append(root)
        entry = root.value.get("extends") if isinstance(root.value, dict) else None
        step = _next(following, entry, problems)
        if step is not None and entry is not None:
            blame = entry.place
            if step.identity in seen:
                problems.append(
                    problem("AP031", blame, f"`extends: {entry.value}` leads back to itself")
                )
                return None, tuple(names), tuple(problems)
            names.append(str(entry.value))
        elif entry is not None and isinstance(entry.value, str):
            return None, tuple(names), tuple(problems)
        following = step
    merged = roots.pop()
    while roots:
        merged = merge(_without_abstract(merged), roots.pop())
    return merged, tuple(names), tuple(problems)


def _uniform(root: Node) -> Node:
    """A plain list under `escalation` is its chain; written out, it merges like the mapping."""
    if not isinstance(root.value, dict):
        return root
    written = root.value.get("escalation")
    if written is None or not isinstance(written.value, list):
        return root
    whole = Node({"chain": written}, written.at, written.key)
    return Node(root.value | {"escalation": whole}, root.at, root.key)


def _abstract(root: Node, source: Source) -> list[Problem]:
    entry = root.value.get("abstract") if isinstance(root.value, dict) else None
    if entry is None or source.path is None:
        return []
    hint = "remove it: any protocol can be extended"
    return [problem("AP032", entry.place, "only built-in protocols are abstract", hint)]


def _without_abstract(base: Node) -> Node:
    """It is said of one document, and not of those that extend it."""
    if not isinstance(base.value, dict):
        return base
    kept = {name: child for name, child in base.value.items() if name != "abstract"}
    return Node(kept, base.at, base.key)


def _next(source: Source, entry: Node | None, problems: list[Problem]) -> Source | None:
    """What `extends` names, or None. A value that is no text is left to the models."""
    if entry is None or not isinstance(entry.value, str):
        return None
    name = entry.value
    if name in every_pack():
        return Source(f"packs/{name}.yaml", None, name)
    if "/" not in name and not name.endswith(".yaml"):
        hint = nearest(name, packs()) + "; a file ends in .yaml"
        problems.append(
            problem("AP030", entry.place, f"there is no built-in protocol {name}", hint)
        )
        return None
    if source.path is None or Path(name).is_absolute():
        text = f"{name} is not a path relative to the file"
        problems.append(problem("AP030", entry.place, text, "such as ../shared/protocol.yaml"))
        return None
    return Source((Path(source.shown).parent / name).as_posix(), source.path.parent / name)


def empty_values(root: Node) -> list[Problem]:
    """In a protocol, a key with nothing behind it could remove what the pack says by accident."""
    if not isinstance(root.value, dict):
        return []
    found = []
    for name, child in root.value.items():
        if child.empty:
            hint = "leave the key out, or write null to remove what it extends"
            found.append(problem("AP011", child.place, f"`{name}` has no value", hint))
        found += empty_values(child)
    return found


def merge(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """`over` on top of `base`, both found at `path`.

    Mappings merge key by key and keep the base's order, new keys come last; lists, scalars and sets
    of tests replace; a key with the value null removes.
    """
    if is_tests(path):
        return over
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    merged = dict(base.value)
    for name, child in over.value.items():
        if child.value is None:
            merged.pop(name, None)
        elif name in merged:
            merged[name] = merge(merged[name], child, (*path, name))
        else:
            merged[name] = child
    return Node(merged, over.at, over.key)
