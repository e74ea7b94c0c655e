"""A draft that fits the language: what is missing is assumed, what does not fit is taken out again."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check import check
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_severities import SeverityDocument
from allstop.protocol.documents import Documents
from allstop.protocol.importing.assuming import complete
from allstop.protocol.importing.draft import Draft, Path, Tree, Value
from allstop.protocol.importing.writing import Written, as_yaml
from allstop.protocol.inherit import Source, merge, read_source
from allstop.protocol.problems import Place, Problem
from allstop.protocol.reader import Node, read
from allstop.protocol.scalars import Shape
from allstop.protocol.shape import shape

_DRAFT = "draft"
# Each round takes out everything that is wrong at once; what is left is rarely wrong twice.
_ROUNDS = 12
# The parts of these stand one level further down.
_DEEP = {
    "activation": 3,
    "approvals": 2,
    "calendar": 2,
    "updates": 2,
    "ledger": 2,
    "emergency_mode": 2,
}
_NEEDED = ("schema", "name", "title", "extends")
# What an attribute of is enough to take out; of everything else the whole entry goes.
_ATTRIBUTES = {"severities": 3}


@dataclass(slots=True)
class Fitted:
    """lines: the draft as YAML, with the path of each; refused: line -> why what came from it was taken
    out."""

    lines: list[Written]
    refused: dict[int, str] = field(default_factory=dict)


def fit(draft: Draft) -> Fitted:
    """Complete a draft and take out of it what keeps it from being loaded."""
    refused: dict[int, str] = {}
    for _ in range(_ROUNDS):
        complete(draft)
        draft.root = _in_order(draft.root, ProtocolDocument)
        for name in draft.at("severities"):
            draft.at("severities")[name] = _in_order(draft.at("severities", name), SeverityDocument)
        lines = as_yaml(draft.root)
        wrong = errors([text for text, _ in lines])
        if not wrong:
            return Fitted(lines, refused)
        if not _take_out(draft, lines, wrong, refused):
            break
    # What contradicts the base protocol in a way no line shows: the part without which the rest holds, or
    # part after part.
    parts = [one for one in draft.root if one not in _NEEDED]
    for name in parts:
        if not errors([text for text, _ in as_yaml(_without(draft, name).root)]):
            return _less(draft, (name,), refused)
    for count in range(1, len(parts) + 1):
        fitted = _less(draft, tuple(parts[-count:]), refused)
        if not errors([text for text, _ in fitted.lines]):
            return fitted
    return Fitted(as_yaml(draft.root), refused)


def _without(draft: Draft, name: str) -> Draft:
    rest = Draft({key: child for key, child in draft.root.items() if key not in _together(name)})
    rest.root = deepcopy(rest.root)
    complete(rest)
    return rest


def _together(name: str) -> tuple[str, ...]:
    """The classification names the severities, so they go together."""
    return ("severities", "classification") if name == "severities" else (name,)


def _less(draft: Draft, names: tuple[str, ...], refused: dict[int, str]) -> Fitted:
    for name in names:
        for part in _together(name):
            _drop(draft, (part,), "it does not fit together with the rest", refused)
    complete(draft)
    return Fitted(as_yaml(draft.root), refused)


def _in_order(tree: Tree, model: type[Shape]) -> Tree:
    """A mapping in the order of the language, which is the order people read it in."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: tree[name] for name in names if name in tree}


def errors(lines: list[str]) -> list[Problem]:
    """What keeps the text of a draft from being loaded, without a file."""
    start = Place(_DRAFT, 1, 1)
    root, problems = read("\n".join(lines), _DRAFT)
    base, _ = read_source(Source("packs/base.yaml", None, "base"), start)
    if root is None or base is None or not isinstance(base.value, dict):
        return [one for one in problems if one.is_error]
    kept = {name: child for name, child in base.value.items() if name != "abstract"}
    merged = merge(Node(kept, base.at, base.key), root)
    document, found = shape(merged, ProtocolDocument, _DRAFT)
    every = (*problems, *found, *check(Documents(document, None, None, ("base",)), Catalogue()))
    return [one for one in every if one.is_error]


def _take_out(
    draft: Draft, lines: list[Written], wrong: list[Problem], refused: dict[int, str]
) -> bool:
    """Drop what each problem points at, lists from behind; whether anything went."""
    found: dict[Path, str] = {}
    for one in wrong:
        if one.file == _DRAFT and one.line <= len(lines):
            path = _part(lines[one.line - 1][1])
            if path and path[0] not in ("schema", "extends"):
                found.setdefault(path, one.text)
    gone = 0
    for path in sorted(found, key=_behind_first):
        gone += _drop(draft, path, found[path], refused)
    return gone > 0


def _behind_first(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((step, 0) if isinstance(step, str) else ("", -step) for step in path)


def _part(path: Path) -> Path:
    """The smallest part that can go without leaving half of something behind."""
    name = str(path[0]) if path else ""
    return path[: _ATTRIBUTES.get(name, _DEEP.get(name, 2))]


def _drop(draft: Draft, path: Path, why: str, refused: dict[int, str]) -> int:
    gone: list[Value] = draft.drop(path)
    for value in gone:
        for line in value.lines:
            refused.setdefault(line, why)
    return max(1, len(gone)) if gone else 0
