"""What differs between two protocols, by what they mean rather than by how they are written."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from difflib import SequenceMatcher
from typing import Any

from allstop.domain.conditions import sentence
from allstop.domain.moment import words
from allstop.domain.policy import Condition, Protocol, Span
from allstop.domain.span_words import span_words

# What names the parts of a list, so that one that moved is not one that changed.
_IDENTITIES = ("name", "id", "action", "occasion", "service_class", "who")


@dataclass(frozen=True, slots=True)
class Difference:
    """path: `severities.P1.respond`; before, after: in words, empty where there is nothing."""

    path: str
    before: str
    after: str


def differences(before: Protocol, after: Protocol) -> tuple[Difference, ...]:
    """Every difference, in the order of the protocol's parts."""
    found: list[Difference] = []
    _compare("", before, after, found)
    return tuple(found)


def _compare(path: str, before: Any, after: Any, found: list[Difference]) -> None:
    if before == after:
        return
    # Spans and conditions are read as one word, everything else part by part.
    whole = isinstance(before, Span | Condition) or isinstance(after, Span | Condition)
    if is_dataclass(before) and type(before) is type(after) and not whole:
        for one in fields(before):
            here = _join(path, one.name)
            _compare(here, getattr(before, one.name), getattr(after, one.name), found)
    elif isinstance(before, dict) and isinstance(after, dict):
        _mappings(path, before, after, found)
    elif _named(before) and _named(after) and (before or after):
        _mappings(path, _by_name(before), _by_name(after), found)
    elif _rows(before) or _rows(after):
        _by_rows(path, before, after, found)
    else:
        name = path.rpartition(".")[2]
        shown = path.removesuffix("_ms")
        found.append(Difference(shown, _told(name, before), _told(name, after)))


def _rows(value: Any) -> bool:
    """A list of parts that have no names, such as the rows of a table."""
    return isinstance(value, tuple) and bool(value) and all(map(is_dataclass, value))


def _by_rows(
    path: str, before: tuple[Any, ...], after: tuple[Any, ...], found: list[Difference]
) -> None:
    """Rows that were added, removed and changed, by their numbers from 1."""
    old, new = [in_words(one) for one in before], [in_words(one) for one in after]
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for at in range(max(j - i, m - k)):
            was = old[i + at] if i + at < j else ""
            now = new[k + at] if k + at < m else ""
            number = i + at + 1 if was else k + at + 1
            found.append(Difference(f"{path}[{number}]", was, now))


def _mappings(
    path: str, before: dict[str, Any], after: dict[str, Any], found: list[Difference]
) -> None:
    for key in dict.fromkeys((*before, *after)):
        here = _join(path, key)
        if key not in before:
            found.append(Difference(here, "", in_words(after[key])))
        elif key not in after:
            found.append(Difference(here, in_words(before[key]), ""))
        else:
            _compare(here, before[key], after[key], found)
    both = [key for key in before if key in after]
    if both != [key for key in after if key in before]:
        found.append(Difference(f"{path} (order)", ", ".join(before), ", ".join(after)))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _identity(value: Any) -> str:
    for name in _IDENTITIES:
        if is_dataclass(value) and hasattr(value, name):
            extra = getattr(value, "audience", "")
            return f"{getattr(value, name)}@{extra}" if extra else str(getattr(value, name))
    return ""


def _named(value: Any) -> bool:
    """A list whose members have names of their own, each once."""
    if not isinstance(value, tuple):
        return False
    names = [_identity(one) for one in value]
    return all(names) and len(set(names)) == len(names)


def _by_name(value: tuple[Any, ...]) -> dict[str, Any]:
    return {_identity(one): one for one in value}


def _told(name: str, value: Any) -> str:
    """A value in words; what is counted in milliseconds as people write it."""
    if name.endswith("_ms") and isinstance(value, int) and not isinstance(value, bool):
        return words(value)
    return in_words(value)


def in_words(value: Any) -> str:
    """A part of a protocol in one line."""
    match value:
        case None | "" | ():
            return ""
        case Span():
            return span_words(value)
        case Condition():
            return sentence(value)
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{key}: {in_words(one)}" for key, one in value.items())
        case tuple():
            return "; ".join(in_words(one) for one in value)
        case _ if is_dataclass(value):
            parts = (
                (one.name.removesuffix("_ms"), _told(one.name, getattr(value, one.name)))
                for one in fields(value)
            )
            return ", ".join(f"{name} {text}" for name, text in parts if text)
        case _:
            return str(value)
