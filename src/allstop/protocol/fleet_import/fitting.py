"""A draft that fits the language: whatever the checker objects to as an error is taken out again, and listed."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.protocol.catalogue import AdapterEntry, Catalogue, VerbEntry
from allstop.protocol.check import check
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.documents import Documents
from allstop.protocol.fleet_import.draft import Draft, Path, Tree, Value, drop, values
from allstop.protocol.fleet_import.writing import Written, as_yaml
from allstop.protocol.problems import Problem
from allstop.protocol.reader import LARGEST_BYTES, QUICK, read
from allstop.protocol.shape import shape

# Each round takes out everything that is wrong at once; what is left is rarely wrong twice.
_ROUNDS = 12
# Room for the head of the draft.
_ROOM = LARGEST_BYTES - 20_000
_NAME = "draft"
# The adapters a draft speaks through. What they accept is seen to by whoever writes the options.
_CATALOGUE = Catalogue(
    (
        AdapterEntry("command", ("probe", "actuator"), (VerbEntry("ensure"),)),
        AdapterEntry(
            "supervisor", ("probe", "actuator"), tuple(map(VerbEntry, ("stop", "kill", "start")))
        ),
        AdapterEntry("http", ("probe",)),
        AdapterEntry("tcp", ("probe",)),
    )
)
TOO_LARGE = "a document may not be larger than a megabyte; import the rest by itself"


@dataclass(slots=True)
class Fitted:
    """lines: of the draft; tree: what stands in it; gone: values that were taken out again, each with the reason."""

    lines: list[str]
    tree: Tree
    gone: list[tuple[Value, str]] = field(default_factory=list)


def fit(draft: Draft, head: tuple[str, ...]) -> Fitted:
    """Write the draft, and take out what keeps it from being loaded."""
    tree: Tree = {"services": {one.name: one.tree for one in draft.services.values()}}
    if draft.sets:
        tree["sets"] = draft.sets
    found = Fitted([], tree)
    _shorten(tree, found)
    for _ in range(_ROUNDS):
        written: list[Written] = [*((line, ()) for line in head), *as_yaml(tree)]
        found.lines = [line for line, _ in written]
        problems = _problems("\n".join(found.lines) + "\n")
        if not problems:
            return found
        for path, why in _wrong(written, problems).items():
            found.gone += [(value, why) for value in _taken(tree, path)]
    found.gone += [(value, "it did not fit") for _, value in values(tree)]
    tree.clear()
    found.lines = [*head, "services: {}"]
    return found


def _shorten(tree: Tree, found: Fitted) -> None:
    """Leave out the last services when there are too many for one document."""
    services = tree["services"]
    assert isinstance(services, dict)
    room, gone = _ROOM, set()
    for name in list(services):
        child = services[name]
        assert isinstance(child, dict)
        size = sum(len(line.encode()) + 1 for line, _ in as_yaml({name: child}, (), 1))
        room -= size
        if room < 0:
            gone.add(name)
            found.gone += [(value, TOO_LARGE) for value in _taken(tree, ("services", name))]
    for name in list(services) if gone else ():
        for other in gone & set(_needs(services[name])):
            path = ("services", name, "depends", other)
            found.gone += [(value, TOO_LARGE) for value in _taken(tree, path)]
    tree.setdefault("services", {})


def _needs(service: Tree | Value) -> Tree:
    depends = service.get("depends") if isinstance(service, dict) else None
    return depends if isinstance(depends, dict) else {}


def _problems(text: str) -> list[Problem]:
    root, problems = read(text, _NAME, QUICK)
    if root is None:
        return list(problems)
    document, shaped = shape(root, FleetDocument, _NAME)
    checked = check(Documents(None, document, None), _CATALOGUE)
    return [one for one in (*problems, *shaped, *checked) if one.is_error]


def _wrong(written: list[Written], problems: list[Problem]) -> dict[Path, str]:
    """What to take out for each problem: the value it is about, by the line it stands in."""
    found: dict[Path, str] = {}
    for one in problems:
        path = written[min(one.line, len(written)) - 1][1]
        if path:
            found.setdefault(path, one.text)
    if not found:
        # Nothing to be found where it is wrong: the last service is as good as any other.
        found[written[-1][1] or ("services",)] = problems[0].text
    return found


def _taken(tree: Tree, path: Path) -> list[Value]:
    """What stands at a path, taken out. A service keeps its place while something else of it is there."""
    if len(path) > 3 and path[0] == "services":
        path = path[:4]
    return drop(tree, path)
