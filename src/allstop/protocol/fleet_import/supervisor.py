"""Configurations of supervisor: programs and groups, their priorities as an order, their patience as times.

Supervisor starts programs by priority, the lowest first, and stops them the other way round. That is all it says of
who needs whom, so a program is taken to need those of the next lower priority, softly: that keeps the order and
claims nothing about what breaks.
"""

from __future__ import annotations

import re
from itertools import pairwise

from allstop.protocol.fleet_import.draft import Draft, Service, slug
from allstop.protocol.fleet_import.guesses import keeps_data
from allstop.protocol.fleet_import.ini import Entry, Section
from allstop.protocol.fleet_import.sources import Origin, may_stand
from allstop.protocol.fleet_import.spans import seconds_ms, written
from allstop.protocol.fleet_import.supervisor_actions import (
    Server,
    Waits,
    place_actions,
    server_for,
    servers,
)

KIND = "supervisor"
PROGRAMS = ("program", "fcgi-program", "eventlistener")
_NO_PLACE = "fleet.yaml does not say how a program is set up"
_USUAL_PRIORITY = 999
# More edges than that between two priorities are no guess any more, but noise.
MOST_EDGES = 60
# So many processes are named one by one; and so many at most, where there is no other way.
_LISTED, _MOST = 8, 64


def is_supervisor(names: list[str]) -> bool:
    """Whether the names of sections are those of supervisor."""
    known = ("supervisord", "supervisorctl", "unix_http_server", "inet_http_server")
    return any(
        name in known or (name.partition(":")[0] in (*PROGRAMS, "group") and ":" in name)
        for name in names
    )


def read_supervisor(found: list[Section], draft: Draft) -> None:
    """All programs of all files, then the groups over them."""
    programs: dict[str, _Program] = {}
    for section in found:
        kind, _, name = section.name.partition(":")
        if kind in PROGRAMS and name.strip() and name.strip() not in programs:
            programs[name.strip()] = _Program(draft, section, name.strip())
    groups = [one for one in found if one.name.startswith("group:")]
    for group in groups:
        _group(group, programs)
    known = servers(found)
    for program in programs.values():
        program.place(known)
    _priorities(list(programs.values()))
    placed = {id(one) for one in (*groups, *(each.section for each in programs.values()))}
    for section in found:
        if id(section) not in placed:
            again = section.name.partition(":")[0] in PROGRAMS
            why = (
                "a program of this name stands above" if again else "it is about supervisor itself"
            )
            section.leave_rest(why)


class _Program:
    """One program. group: whose it is, empty for none of its own."""

    def __init__(self, draft: Draft, section: Section, name: str) -> None:
        self.draft, self.section, self.name = draft, section, name
        self.group = ""
        self.service: Service = draft.add(KIND, name, Origin(section.ledger.name, section.line))
        section.ledger.use(section.line)
        self.priority, self.priority_at = _USUAL_PRIORITY, 0

    def origin(self, entry: Entry) -> Origin:
        return Origin(self.section.ledger.name, entry.first)

    def place(self, known: list[Server]) -> None:
        """known: the servers of all files."""
        service = self.service
        title = self._title()
        if title:
            service.put(("title",), title[0], title[1])
        service.put(
            ("category",), "internal", (), "nothing says what it is for; see docs/documents.md"
        )
        command = self.section.last("command")
        if command is not None and keeps_data(command.value.split(" ", 1)[0]):
            service.put(
                ("stateful",),
                value=True,
                origins=[self.origin(command)],
                assumed="programs like this one keep data",
            )
            self.section.use(command)
        elif command is not None:
            self.section.leave(command, _NO_PLACE)
        self._order()
        self._actions(known)
        self.section.leave_rest(_NO_PLACE)

    def _title(self) -> tuple[str, list[Origin]] | None:
        count = self.section.last("numprocs")
        if count is None:
            named = slug(self.name) != self.name or self.service.name != self.name
            return (self.name, [self.service.origin]) if named and may_stand(self.name) else None
        number = int(count.value) if re.fullmatch(r"\d{1,4}", count.value) else 1
        if number < 2 or not may_stand(self.name):
            self.section.leave(count, "one process is what every program has")
            return None
        self.section.use(count)
        return f"{self.name}, {number} processes", [self.service.origin, self.origin(count)]

    def _order(self) -> None:
        entry = self.section.last("priority")
        if entry is None:
            return
        if re.fullmatch(r"-?\d{1,6}", entry.value):
            self.priority, self.priority_at = int(entry.value), entry.first
        self.section.leave(entry, "no other program has a priority next to it")

    def _count(self) -> int:
        count = self.section.last("numprocs")
        return int(count.value) if count and re.fullmatch(r"\d{1,4}", count.value) else 1

    def _called(self) -> list[str]:
        """The exact names of its processes; more of them than anybody lists are meant by a wildcard."""
        group, pattern = self.group or self.name, self.section.last("process_name")
        count = self._count()
        usual = "%(program_name)s_%(process_num)02d" if count > 1 else "%(program_name)s"
        text = pattern.value if pattern else usual
        if count > _LISTED and not self.group:
            return [f"{self.name}:*"]
        return [f"{group}:{_expanded(text, self.name, at)}" for at in range(min(count, _MOST))]

    def _actions(self, known: list[Server]) -> None:
        found = []
        for action, key in (("stop", "stopwaitsecs"), ("start", "startsecs")):
            entry = self.section.last(key)
            spent = seconds_ms(entry.value) if entry is not None else None
            at = (self.origin(entry),) if entry is not None and spent else ()
            found.append((spent, at))
            if entry is None:
                continue
            if spent:
                why = "it takes all of its time"
                self.service.put(("takes", action), written(spent), at, why)
                self.section.use(entry)
            else:
                self.section.leave(entry, "not a time that can be used")
        (stop, stop_at), (start, start_at) = found
        server = server_for(known, self.section.ledger.name)
        pattern = self.section.last("process_name")
        named_at = (self.origin(pattern),) if pattern is not None else ()
        if pattern is not None:
            self.section.use(pattern)
        waits = Waits(stop, start, stop_at, start_at, named_at)
        place_actions(self.draft, self.service, server, self._called(), waits)


def _expanded(text: str, program: str, number: int) -> str:
    """A name of a process: `%(program_name)s_%(process_num)02d`."""
    text = text.replace("%(program_name)s", program)
    return re.sub(r"%\(process_num\)(\d{0,2})d", lambda found: f"{number:{found[1] or '0'}d}", text)


def _group(group: Section, programs: dict[str, _Program]) -> None:
    """A group becomes the domain of its programs, so that they can be named together."""
    name = group.name.partition(":")[2].strip()
    listed = group.last("programs")
    origin = Origin(group.ledger.name, group.line)
    placed = False
    for key in (listed.value if listed else "").replace("\n", ",").split(","):
        program = programs.get(key.strip())
        if program is None or program.group:
            continue
        program.group = name
        assert listed is not None
        origins = [origin, Origin(group.ledger.name, listed.first)]
        placed |= program.service.put(
            ("domain",), slug(name), origins, "a group is somebody's ground"
        )
    if listed is not None and placed:
        group.ledger.use(group.line)
        group.use(listed)
    elif listed is not None:
        group.leave(listed, "none of its programs is in these files")
    group.leave_rest(_NO_PLACE)


def _priorities(programs: list[_Program]) -> None:
    """Softly upon those of the next lower priority. Programs that say none come last, as supervisor has it."""
    by_priority: dict[int, list[_Program]] = {}
    for one in programs:
        by_priority.setdefault(one.priority, []).append(one)
    levels = sorted(by_priority)
    for lower, higher in pairwise(levels):
        below, above = by_priority[lower], by_priority[higher]
        if len(below) * len(above) > MOST_EDGES:
            continue
        for one in above:
            for other in below:
                origins = [
                    Origin(each.section.ledger.name, each.priority_at)
                    for each in (other, one)
                    if each.priority_at
                ]
                one.service.put(
                    ("depends", other.service.name), "soft", origins, "soft, from the priorities"
                )
                for each in (one, other):
                    if each.priority_at:
                        each.section.ledger.use(each.priority_at)
