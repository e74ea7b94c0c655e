"""Units of systemd: requirements as dependencies, timeouts as times, systemctl as actions.

A target, a timer and the like are no services; what names them is listed. A service that is required and that no file
describes is added by its name alone.
"""

from __future__ import annotations

import re

from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.guesses import is_data_folder, keeps_data
from allstop.protocol.fleet_import.ini import Entry, Section
from allstop.protocol.fleet_import.sources import Origin, may_stand
from allstop.protocol.fleet_import.spans import systemd_ms, written
from allstop.protocol.fleet_import.systemd_actions import KIND, place_actions
from allstop.protocol.fleet_import.systemd_edges import Edges, runs_once
from allstop.protocol.fleet_import.systemd_units import Unit

_NO_PLACE = "fleet.yaml does not say how a unit is set up"
_WHY = "systemctl is here"
# What a socket listens on that is reached under every address of the host.
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 (nothing is bound here)
_LISTENS = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(\d{1,5})")


def read_systemd(units: list[Unit], draft: Draft) -> None:
    """All units together; drop-ins belong to the unit they are for."""
    merged: dict[str, Unit] = {}
    for unit in units:
        if unit.name in merged:
            merged[unit.name].sections += unit.sections
        else:
            merged[unit.name] = unit
    placed = [_Service(draft, unit) for unit in merged.values() if _is_service(unit)]
    edges = Edges(draft, merged)
    for one in placed:
        one.place()
        edges.gather(one.unit, one.service)
    edges.place()
    for unit in merged.values():
        if unit.suffix == "socket":
            _listening(unit, draft)
        for section in unit.sections:
            section.leave_rest(_NO_PLACE if _is_service(unit) else _other(unit))


def _is_service(unit: Unit) -> bool:
    return unit.suffix == "service" and not unit.name.endswith("@.service")


def _other(unit: Unit) -> str:
    if unit.suffix == "service":
        return "a template: its instances have names of their own"
    return f"a {unit.suffix} is no service"


class _Service:
    """One service unit."""

    def __init__(self, draft: Draft, unit: Unit) -> None:
        self._draft, self.unit = draft, unit
        origin = Origin(unit.ledger.name, unit.line)
        self.service: Service = draft.add(
            KIND, unit.name, origin, unit.name.removesuffix(".service")
        )
        unit.ledger.use(unit.line, unit.line, unit.name)

    def place(self) -> None:
        self._title()
        self.service.put(
            ("category",), "internal", (), "nothing says what it is for; see docs/documents.md"
        )
        self._data()
        self._actions()

    def _last(self, section: str, key: str) -> tuple[Section, Entry] | None:
        """The entry that counts: of the last file, and there the last one."""
        found = [
            (one, entry) for one in self.unit.of(section) if (entry := one.last(key)) is not None
        ]
        for one, entry in found[:-1]:
            one.leave(entry, "a drop-in says it again")
        return found[-1] if found else None

    def _title(self) -> None:
        found = self._last("Unit", "Description")
        if found is None:
            return
        section, entry = found
        title = " ".join(entry.value.split())[:80]
        if title and may_stand(title):
            self.service.put(("title",), title, [_origin(section, entry)])
            section.use(entry)
        else:
            section.leave(entry, _NO_PLACE)

    def _data(self) -> None:
        found = self._last("Service", "StateDirectory")
        if found is not None:
            self._keeps(*found, "it has a folder for its state")
        for section in self.unit.of("Unit"):
            for entry in section.all("RequiresMountsFor"):
                if is_data_folder(entry.value):
                    self._keeps(section, entry, "it needs a folder with data")
                else:
                    section.leave(entry, _NO_PLACE)
        if keeps_data(self.unit.name.removesuffix(".service")):
            why = "programs like this one keep data"
            self.service.put(("stateful",), value=True, origins=[self.service.origin], assumed=why)

    def _keeps(self, section: Section, entry: Entry, why: str) -> None:
        origins = [_origin(section, entry)]
        self.service.put(("stateful",), value=True, origins=origins, assumed=why)
        section.use(entry)

    def _actions(self) -> None:
        both = self._last("Service", "TimeoutSec")
        spent: dict[str, tuple[int, Origin]] = {}
        for action, key in (("stop", "TimeoutStopSec"), ("start", "TimeoutStartSec")):
            found = self._last("Service", key) or both
            if found is None:
                continue
            took = systemd_ms(found[1].value)
            if took is None:
                found[0].leave(found[1], "not a time that can be used")
                continue
            spent[action] = (took, _origin(*found))
            found[0].use(found[1])
            if action == "stop":
                why = "it takes all of its time"
                self.service.put(("takes", "stop"), written(took), [_origin(*found)], why)
        restart = self._last("Service", "Restart")
        returns = restart is not None and restart[1].value not in ("no", "")
        if restart is not None:
            why = "systemd starts it again after a kill, so there is no kill in the draft"
            restart[0].leave(restart[1], why if returns else _NO_PLACE)
        place_actions(
            self._draft, self.service, self.unit.name, spent, _WHY, kill=not returns,
            once=runs_once(self.unit),
        )  # fmt: skip


def _listening(unit: Unit, draft: Draft) -> None:
    """A socket that listens on a TCP port says where its service can be reached."""
    service = draft.of(KIND, f"{unit.name.removesuffix('.socket')}.service")
    for section in unit.of("Socket"):
        for entry in section.all("ListenStream"):
            match = _LISTENS.fullmatch(entry.value.strip())
            if service is None or not match or not 1 <= int(match[2]) <= 65_535:
                section.leave(entry, "no TCP port of a service in these files")
                continue
            host = (match[1] or "").strip("[]")
            options = {"host": "127.0.0.1" if host in _ANYWHERE else host, "port": int(match[2])}
            name = draft.probe_name(service, "port")
            service.put(
                ("probes", name), {"adapter": "tcp", "options": options}, [_origin(section, entry)]
            )
            section.use(entry)


def _origin(section: Section, entry: Entry) -> Origin:
    return Origin(section.ledger.name, entry.first)
