"""A draft of `fleet.yaml` out of what people have: compose files, supervisor, systemd, Kubernetes manifests.

It is a beginning: every value says the file and line it comes from or that it was assumed, and every line that found
no place is listed. What comes out can always be loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from allstop.protocol.fleet_import import ini, yaml_tree
from allstop.protocol.fleet_import.compose import is_compose, read_compose
from allstop.protocol.fleet_import.draft import Draft, Tree, Value, values
from allstop.protocol.fleet_import.fitting import fit
from allstop.protocol.fleet_import.kubernetes import is_kubernetes, read_kubernetes
from allstop.protocol.fleet_import.sources import (
    Ledger,
    Left,
    Origin,
    SourceFile,
    clean,
    file_name,
    ledger_of,
)
from allstop.protocol.fleet_import.supervisor import is_supervisor, read_supervisor
from allstop.protocol.fleet_import.systemd import read_systemd
from allstop.protocol.fleet_import.systemd_units import Unit, boundaries, is_systemd, unit_name
from allstop.protocol.fleet_import.writing import flow as told
from allstop.protocol.fleet_import.yaml_tree import Part

__all__ = ["Imported", "SourceFile", "import_fleet"]

LARGEST_FILE = 1_000_000
LARGEST = 10_000_000
MOST_FILES = 2_000
_HEAD = (
    "# A draft made from {files}.",
    "# `# FILE line N` says where a value comes from, `assumed` what the files do not say. Read all of it: what is",
    "# needed how much, what is important, how each is stopped safely. Then: allstop fleet check FILE",
    "schema: allstop/1",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """text: the draft; kinds: what each file was taken for; placed: (path, value, file, line) once for each line
    a value came from; left: lines without a place; structure: (file, line) of lines that only hold the others
    together, or say nothing."""

    text: str
    kinds: dict[str, str]
    placed: tuple[tuple[str, str, str, int], ...]
    left: tuple[Left, ...]
    structure: frozenset[tuple[str, int]]


def import_fleet(files: Sequence[SourceFile]) -> Imported:
    """Make a draft of several files at once. Raises ValueError for more than can be read."""
    if len(files) > MOST_FILES or sum(len(one.text) for one in files) > LARGEST:
        raise ValueError(f"more than {MOST_FILES:,} files or {LARGEST // 1_000_000} MB at once")
    for one in files:
        if len(one.text.encode("utf-8", "replace")) > LARGEST_FILE:
            raise ValueError(f"{clean(one.name)} is larger than 1 MB")
    reading = _Reading()
    for one in files:
        reading.add(one)
    return reading.imported()


class _Reading:
    """What was found in the files, by kind."""

    def __init__(self) -> None:
        self.ledgers: list[Ledger] = []
        self.kinds: dict[str, str] = {}
        self.compose: list[Part] = []
        self.kubernetes: list[Part] = []
        self.supervisor: list[ini.Section] = []
        self.units: list[Unit] = []

    def add(self, source: SourceFile) -> None:
        """Find out what a file is, by what it holds."""
        ledger = ledger_of(SourceFile(self._fresh(source.name), source.text))
        self.ledgers.append(ledger)
        names = [section.name for section in ini.sections(Ledger("", ledger.lines))]
        if is_supervisor(names):
            self.supervisor += ini.sections(ledger)
            self.kinds[ledger.name] = "supervisor"
        elif is_systemd(names):
            self._add_units(ledger, source.name)
            self.kinds[ledger.name] = "systemd"
        else:
            self.kinds[ledger.name] = self._add_yaml(ledger)

    def _fresh(self, name: str) -> str:
        """Two files of one name are two files all the same."""
        known = {one.name for one in self.ledgers}
        found, number = file_name(name), 1
        while found in known:
            number += 1
            found = f"{file_name(name)} ({number})"
        return found

    def _add_units(self, ledger: Ledger, path: str) -> None:
        found = boundaries(ledger)
        if not found:
            found = [(unit_name(path), 1)]
        elif found[0][1] > 1:
            found.insert(0, (unit_name(path), 1))
        ends = [line - 1 for _, line in found[1:]] + [len(ledger.lines)]
        for (name, first), last in zip(found, ends, strict=True):
            sections = ini.sections(ledger, first, last, backslash=True)
            if sections:
                self.units.append(Unit(name, ledger, sections[0].line, sections))

    def _add_yaml(self, ledger: Ledger) -> str:
        kind = "unknown"
        for tree in yaml_tree.trees(ledger):
            root = tree.root
            if root is None or not isinstance(root.value, dict):
                if tree.error or root is not None:
                    ledger.leave(tree.first, tree.last, "a document", tree.error or "not a mapping")
                continue
            part = Part(ledger, root)
            if is_kubernetes(root):
                kind = "kubernetes"
                self.kubernetes.append(part)
            elif is_compose(root):
                kind = "compose" if kind == "unknown" else kind
                self.compose.append(part)
            else:
                ledger.leave(
                    tree.first, tree.last, "a document", "neither a compose file nor a manifest"
                )
        return kind

    def imported(self) -> Imported:
        draft = Draft()
        read_compose(self.compose, draft)
        read_kubernetes(self.kubernetes, draft)
        read_systemd(self.units, draft)
        read_supervisor(self.supervisor, draft)
        shown = [one.name for one in self.ledgers]
        few = ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
        head = tuple(line.format(files=few) if "{files}" in line else line for line in _HEAD)
        fitted = fit(draft, head)
        came = list(_origins(fitted.tree))
        gone = {origin: why for value, why in fitted.gone for origin in value.origins}
        left: list[Left] = []
        for ledger in self.ledgers:
            yaml = self.kinds[ledger.name] not in ("supervisor", "systemd")
            lines = {origin.line for _, _, origin in came if origin.file == ledger.name}
            lost = {origin.line: why for origin, why in gone.items() if origin.file == ledger.name}
            left += ledger.close(lines, lost, yaml_tree.COMMENT if yaml else ini.COMMENT)
        origins = {origin for _, _, origin in came}
        return Imported(
            "\n".join(fitted.lines) + "\n",
            dict(self.kinds),
            tuple((".".join(path), told(value.value), *origin) for path, value, origin in came),
            tuple(left),
            frozenset(
                (ledger.name, line)
                for ledger in self.ledgers
                for line in ledger.structure | ledger.placed
                if Origin(ledger.name, line) not in origins
            ),
        )


def _origins(tree: Tree) -> Iterator[tuple[tuple[str, ...], Value, Origin]]:
    """Every value of the draft, once for each line it came from."""
    for path, value in values(tree):
        for origin in value.origins:
            yield path, value, origin
