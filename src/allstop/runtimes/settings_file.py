"""Changing the settings file of a client, JSON or TOML: our part is put in and found again, all else stays as a person has it.

Pure: bytes in, bytes out. What cannot be read, or could not be written back as it was meant, is left alone.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import tomlkit
from tomlkit.exceptions import TOMLKitError

from allstop.errors import Invalid

GATE = "allstop-gate"
_DEEPEST = 100
_PRESENT = "is set to something else by now, and was left as it is"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A setting that must have this value."""

    path: tuple[str, ...]
    value: bool | int | str | tuple[str, ...]

    @property
    def plain(self) -> Any:
        return list(self.value) if isinstance(self.value, tuple) else self.value


@dataclass(frozen=True, slots=True)
class Hooked:
    """A group of hooks at the end of the list that stands there. Whatever of ours stood in that list before goes."""

    path: tuple[str, ...]
    value: Mapping[str, Any]


Change = Pinned | Hooked


@dataclass(frozen=True, slots=True)
class Was:
    """What stood where a setting was pinned. had: whether anything did."""

    path: tuple[str, ...]
    value: Any
    had: bool
    was: Any


@dataclass(frozen=True, slots=True)
class Edited:
    """The new bytes, what stood before where a setting was pinned, and the tables that had to be made."""

    body: bytes
    was: tuple[Was, ...]
    made: tuple[tuple[str, ...], ...]


def edited(name: str, body: bytes | None, changes: Sequence[Change]) -> Edited:
    """A settings file with our part in it. body: None when there is no file yet. Raises Invalid, naming the file."""
    before = _read(name, body)
    after = deepcopy(before)
    was: list[Was] = []
    made: list[tuple[str, ...]] = []
    for change in changes:
        place = _place(name, after, change.path, made)
        last = change.path[-1]
        if isinstance(change, Pinned):
            was.append(
                Was(change.path, change.plain, last in place, deepcopy(place.get(last, None)))
            )
            place[last] = change.plain
            continue
        if last not in place:
            made.append(change.path)
        found = place.get(last, [])
        if not isinstance(found, list):
            raise Invalid(
                f"{name}: {'.'.join(change.path)} is no list, so no hook can be added to it",
                "Mend it by hand, then install again.",
            )
        place[last] = [*_without_ours(found), deepcopy(dict(change.value))]
    return Edited(_write(name, body, before, after), tuple(was), tuple(made))


def cleaned(
    name: str, body: bytes, was: Sequence[Was], made: Sequence[tuple[str, ...]] | None
) -> tuple[bytes, tuple[str, ...]]:
    """A settings file without our part, and what was left in it on purpose. Raises Invalid, naming the file.

    made: the tables we made, which go when they are empty; None when nobody remembers, then each that our part alone filled.
    """
    before = _read(name, body)
    after = deepcopy(before)
    left = []
    for one in was:
        place = _table(after, one.path[:-1])
        last = one.path[-1]
        if place is None or last not in place:
            continue
        if place[last] != one.value:
            left.append(f"{name}: {'.'.join(one.path)} {_PRESENT}")
        elif one.had:
            place[last] = one.was
        else:
            del place[last]
    emptied = _take_out(after)
    for path in sorted({*emptied, *(made or ())}, key=len, reverse=True):
        if made is None or path in made:
            _drop_if_empty(after, path)
    return _write(name, body, before, after), tuple(left)


def holds_ours(name: str, body: bytes) -> tuple[tuple[str, ...], ...]:
    """The lists that hold a hook of ours. Raises Invalid."""
    return tuple(_take_out(_read(name, body)))


def hooks_of_ours(name: str, body: bytes) -> list[dict[str, Any]]:
    """Every hook of ours in a settings file. Raises Invalid."""
    return [
        hook
        for _, group in _groups(_read(name, body))
        for hook in (group["hooks"] if _has_hooks(group) else [group])
        if is_ours(hook)
    ]


def only_ours(name: str, body: bytes, switches: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Our hooks alone, with those of the switches that are set: what a trial needs of a person's own file. Raises Invalid."""
    tree = _read(name, body)
    kept: dict[str, Any] = {}
    for path, group in _groups(tree):
        ours = group
        if _has_hooks(group):
            ours = {**group, "hooks": [one for one in group["hooks"] if is_ours(one)]}
        elif not is_ours(group):
            continue
        if ours.get("hooks", [ours]):
            _place(name, kept, path, []).setdefault(path[-1], []).append(ours)
    for path in switches:
        place = _table(tree, path[:-1])
        if place is not None and path[-1] in place:
            _place(name, kept, path, [])[path[-1]] = place[path[-1]]
    return kept


# --- trees ---


def _place(
    name: str, tree: dict[str, Any], path: Sequence[str], made: list[tuple[str, ...]]
) -> dict[str, Any]:
    """The table a path ends in; tables on the way are made, and noted."""
    for depth, word in enumerate(path[:-1], 1):
        if word not in tree:
            tree[word] = {}
            made.append(tuple(path[:depth]))
        if not isinstance(tree[word], dict):
            raise Invalid(
                f"{name}: {'.'.join(path[:depth])} is no table of settings",
                "Mend it by hand, then install again.",
            )
        tree = tree[word]
    return tree


def _table(tree: Any, path: Sequence[str]) -> dict[str, Any] | None:
    for word in path:
        tree = tree.get(word) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else None


def _groups(tree: Mapping[str, Any]) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Everything that stands in a list of hooks of some event."""
    hooks = tree.get("hooks")
    return [
        (("hooks", event), group)
        for event, groups in (hooks.items() if isinstance(hooks, dict) else ())
        if isinstance(groups, list)
        for group in groups
        if isinstance(group, dict)
    ]


def _has_hooks(group: Any) -> bool:
    return isinstance(group, dict) and isinstance(group.get("hooks"), list)


def hook_words(hook: Mapping[str, Any]) -> list[str]:
    """A hook's program and arguments, in whichever form a client has them."""
    command = str(hook.get("command") or hook.get("bash") or "")
    if isinstance(hook.get("args"), list):
        return [command, *map(str, hook["args"])]
    try:
        return shlex.split(command)
    except ValueError:
        return []


def is_ours(hook: Any) -> bool:
    """A hook that starts the gate, wherever that lies."""
    words = hook_words(hook) if isinstance(hook, Mapping) else []
    return bool(words) and PurePath(words[0]).name == GATE


def _without_ours(groups: Sequence[Any]) -> list[Any]:
    kept: list[Any] = []
    for group in groups:
        if not _has_hooks(group):
            kept += [] if is_ours(group) else [group]
            continue
        others = [one for one in group["hooks"] if not is_ours(one)]
        if len(others) == len(group["hooks"]):
            kept.append(group)
        elif others:
            kept.append({**group, "hooks": others})
    return kept


def _take_out(tree: dict[str, Any]) -> list[tuple[str, ...]]:
    """Takes our hooks out of a tree; the lists they stood in, and the table of these."""
    hooks: Any = tree.get("hooks")
    touched: list[tuple[str, ...]] = []
    for event, groups in list(hooks.items()) if isinstance(hooks, dict) else []:
        if isinstance(groups, list) and (kept := _without_ours(groups)) != groups:
            hooks[event] = kept
            touched.append(("hooks", event))
    return [*touched, ("hooks",)] if touched else []


def _drop_if_empty(tree: dict[str, Any], path: Sequence[str]) -> None:
    place = _table(tree, path[:-1])
    if place is not None and path[-1] in place and place[path[-1]] in ({}, []):
        del place[path[-1]]


# --- texts ---


def _format(name: str) -> Literal["json", "toml"]:
    return "toml" if name.endswith(".toml") else "json"


def _read(name: str, body: bytes | None) -> dict[str, Any]:
    if body is None or not body.strip():
        return {}
    try:
        text = body.decode("utf-8")
        found = (
            tomllib.loads(text)
            if _format(name) == "toml"
            else json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Invalid(
            f"{name} is no plain {_format(name).upper()}, so it was left alone: {error}",
            "Comments in JSON are not understood here: take them out, or put the hook in by hand (docs/agents/install.md).",
        ) from error
    if not isinstance(found, dict):
        raise Invalid(
            f"{name} holds no table of settings, so it was left alone", "Mend it by hand."
        )
    if _is_deep(found):
        raise Invalid(f"{name} is nested deeper than {_DEEPEST} levels, so it was left alone")
    return found


def _is_deep(tree: dict[str, Any]) -> bool:
    level: list[Any] = [tree]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _write(name: str, body: bytes | None, before: dict[str, Any], after: dict[str, Any]) -> bytes:
    """The new bytes; the old ones when nothing changed. Raises Invalid when they would be read as something else."""
    if body is not None and before == after and body.strip():
        return body
    is_toml = _format(name) == "toml"
    text = _toml(name, body, before, after) if is_toml else _json(body, after)
    new = text.encode("utf-8")
    if _read(name, new) != after:
        raise Invalid(
            f"{name} cannot be changed without changing more than meant, so it was left alone",
            "Put the hook in by hand (docs/agents/install.md).",
        )
    return new


def _toml(name: str, body: bytes | None, before: dict[str, Any], after: dict[str, Any]) -> str:
    try:
        document = tomlkit.parse((body or b"").decode("utf-8"))
        _follow(document, before, after)
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise Invalid(
            f"{name} cannot be changed, so it was left alone: {error}",
            "Put the hook in by hand (docs/agents/install.md).",
        ) from error


def _json(body: bytes | None, tree: dict[str, Any]) -> str:
    """In the indentation the file has, two blanks for a new one."""
    text = (body or b"{\n}\n").decode("utf-8")
    found = re.search(r"\n([ \t]+)\S", text)
    indent: str | int | None = found[1] if found else 2
    if "\n" not in text.strip() and len(text.strip()) > 2:
        indent = None
    end = "\n" if text.endswith("\n") or not text.strip() else ""
    close = indent is None and '": ' not in text
    marks = (",", ":") if close else (", " if indent is None else ",", ": ")
    # Half a character, which JSON can spell and no file can hold, keeps its spelling, and all others get one.
    whole = json.dumps(tree, indent=indent, ensure_ascii=False, separators=marks)
    halves = any("\ud800" <= letter <= "\udfff" for letter in whole)
    spelt = json.dumps(tree, indent=indent, separators=marks) if halves else whole
    return spelt + end


def _follow(document: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Changes a TOML document only where two trees differ, so that comments and order stay."""
    for word in [word for word in before if word not in after]:
        del document[word]
    for word, value in after.items():
        if word not in before:
            document[word] = tomlkit.item(value)
        elif before[word] == value:
            continue
        elif isinstance(value, dict) and isinstance(before[word], dict):
            _follow(document[word], before[word], value)
        elif isinstance(value, list) and isinstance(before[word], list):
            _follow_list(document, word, before[word], value)
        else:
            document[word] = tomlkit.item(value)


def _follow_list(document: Any, word: str, before: list[Any], after: list[Any]) -> None:
    kept = [one for one in before if one in after]
    if after[: len(kept)] != kept or not kept:
        document[word] = tomlkit.item(after)
        return
    for index in reversed(range(len(before))):
        if before[index] not in after:
            del document[word][index]
    for one in after[len(kept) :]:
        document[word].append(tomlkit.item(one))
