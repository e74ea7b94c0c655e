"""Files to be imported, and what holds of every draft."""

from __future__ import annotations

import re
from pathlib import Path

from allstop.domain.policy import Fleet, Service
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol.fleet_import import Imported, SourceFile, import_fleet
from allstop.protocol.standalone_fleet import load_fleet

FILES = Path(__file__).parent / "files"
CATALOGUE = catalogue_of(InstalledAdapters())
# What stands behind the values of a draft: `# compose.yaml lines 3, 9 and web.service line 4; assumed: why`.
_COMMENT = re.compile(r"  # (?P<told>.*)$")
_PLACE = re.compile(r"(?P<file>\S(?:.*?\S)?) lines? (?P<lines>[0-9]+(?:, [0-9]+)*)(?: and |$|;)")


def source(name: str) -> SourceFile:
    return SourceFile(name, (FILES / name).read_text("utf-8"))


def folder(name: str) -> list[SourceFile]:
    """Everything below a folder, named from there."""
    return [
        SourceFile(str(path.relative_to(FILES)), path.read_text("utf-8"))
        for path in sorted((FILES / name).rglob("*"))
        if path.is_file()
    ]


def lines_of(file: SourceFile) -> list[str]:
    text = file.text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def checked(files: list[SourceFile], at: Path) -> tuple[Imported, Fleet]:
    """Import, and see that the draft loads with the installed adapters, that every value says where it is from,
    and that no line is lost."""
    found = import_fleet(files)
    path = at / "draft.yaml"
    path.write_text(found.text, "utf-8")
    fleet, problems = load_fleet(path, CATALOGUE)
    assert fleet is not None, [str(one) for one in problems if one.is_error]
    _nothing_is_lost(files, found)
    _everything_says_where_from(found)
    return found, fleet


def _nothing_is_lost(files: list[SourceFile], found: Imported) -> None:
    assert len(found.kinds) == len(files)
    for name, file in zip(found.kinds, files, strict=True):
        lines = lines_of(file)
        known = {line for _, _, where, line in found.placed if where == name}
        known |= {line for where, line in found.structure if where == name}
        for one in found.left:
            if one.file == name:
                assert 1 <= one.first <= one.last <= len(lines)
                known |= set(range(one.first, one.last + 1))
        lost = [
            number for number, line in enumerate(lines, 1) if line.strip() and number not in known
        ]
        assert lost == [], [lines[number - 1] for number in lost]


def _everything_says_where_from(found: Imported) -> None:
    told: set[tuple[str, int]] = set()
    for row in found.text.split("\n"):
        if ": " not in row.split("  #")[0] or row.startswith(("#", "schema:", "services: {}")):
            continue
        comment = _COMMENT.search(row)
        assert comment is not None, row
        where = comment["told"].partition("; assumed: ")[0]
        if where.startswith("assumed: "):
            continue
        places = list(_PLACE.finditer(where))
        assert places, row
        for place in places:
            told |= {(place["file"], int(line)) for line in place["lines"].split(", ")}
    assert told == {(file, line) for _, _, file, line in found.placed}


def service(fleet: Fleet, name: str) -> Service:
    found = fleet.service(name)
    assert found is not None, f"{name} is not among {[one.name for one in fleet.services]}"
    return found


def needs(fleet: Fleet, name: str) -> dict[str, str]:
    return {edge.to: edge.kind.value for edge in service(fleet, name).depends}


def left(found: Imported) -> dict[str, str]:
    """Why, by what stands there."""
    return {one.label: one.why for one in found.left}
