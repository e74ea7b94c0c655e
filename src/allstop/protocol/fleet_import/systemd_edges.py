"""Who needs whom among units: what each says of others, and what others say of it.

Requires, BindsTo and Requisite are hard, Wants and Upholds soft. After without any of them orders starts only, so that
is startup; and so is the need of a unit that runs once and ends (`Type=oneshot`), which nobody can need any longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.protocol.fleet_import.draft import Draft, Service
from allstop.protocol.fleet_import.guesses import keeps_data
from allstop.protocol.fleet_import.ini import Entry, Section
from allstop.protocol.fleet_import.sources import Origin
from allstop.protocol.fleet_import.systemd_actions import KIND, place_actions
from allstop.protocol.fleet_import.systemd_units import Unit

STRENGTH = ("hard", "soft", "startup")
# section, key, kind, and whether it is said by whoever is needed.
_SAID = (
    ("Unit", "Requires", "hard", False), ("Unit", "BindsTo", "hard", False),
    ("Unit", "Requisite", "hard", False), ("Unit", "Wants", "soft", False),
    ("Unit", "Upholds", "soft", False), ("Unit", "After", "startup", False),
    ("Unit", "Before", "startup", True), ("Install", "RequiredBy", "hard", True),
    ("Install", "WantedBy", "soft", True), ("Install", "UpheldBy", "soft", True),
)  # fmt: skip
_WHY = {
    "once": "startup, it runs once and ends",
    "startup": "startup, only the order of starts is said",
}


@dataclass(slots=True)
class _Edge:
    kind: str
    origins: list[Origin] = field(default_factory=list)


class Edges:
    """Dependencies of all units, the strongest kind of each pair."""

    def __init__(self, draft: Draft, units: dict[str, Unit]) -> None:
        self._draft = draft
        self._found: dict[tuple[str, str], _Edge] = {}
        self._once = {
            service.name
            for name, unit in units.items()
            if (service := draft.of(KIND, name)) is not None and runs_once(unit)
        }

    def gather(self, unit: Unit, service: Service) -> None:
        """What one unit says."""
        for where, key, kind, backwards in _SAID:
            for section in unit.of(where):
                for entry in effective(section, key):
                    self._entry(section, entry, service, kind, backwards=backwards)

    def _entry(
        self, section: Section, entry: Entry, service: Service, kind: str, *, backwards: bool
    ) -> None:
        placed, missed = False, []
        for word in entry.value.split():
            other = self._draft.of(KIND, word)
            if other is None and kind == "hard" and not backwards and _is_plain(word):
                other = self._outside(section, entry, word)
            if other is None:
                missed.append(word)
            elif other is not service:
                placed = True
                pair = (other.name, service.name) if backwards else (service.name, other.name)
                edge = self._found.setdefault(pair, _Edge(kind))
                edge.kind = min(edge.kind, kind, key=STRENGTH.index)
                edge.origins.append(_origin(section, entry))
        if placed:
            section.use(entry)
        if missed or not placed:
            label = f"{section.name}.{entry.key} {', '.join(missed)}".rstrip()
            why = "not a service in these files" if missed else "it names nothing else"
            section.ledger.leave(entry.first, entry.last, label, why)

    def _outside(self, section: Section, entry: Entry, word: str) -> Service:
        """A service that is required and that no file describes: its loss is the loss of who requires it."""
        origin = _origin(section, entry)
        service = self._draft.add(KIND, word, origin, word.removesuffix(".service"))
        service.put(("category",), "internal", [], "only its name is known")
        if keeps_data(word):
            service.put(
                ("stateful",),
                value=True,
                origins=[origin],
                assumed="programs like this one keep data",
            )
        place_actions(self._draft, service, word, {}, "only its name is known; systemctl is here")
        return service

    def place(self) -> None:
        """Into the draft."""
        for (who, whom), edge in self._found.items():
            once = whom in self._once
            kind = "startup" if once else edge.kind
            why = _WHY["once"] if once else _WHY.get(kind, "")
            self._draft.services[who].put(("depends", whom), kind, edge.origins, why)


def effective(section: Section, key: str) -> list[Entry]:
    """The entries of a list that count: an empty one forgets those before it."""
    found = section.all(key)
    begin = max((at for at, one in enumerate(found) if not one.value), default=-1)
    for one in found[: begin + 1]:
        why = "an empty entry forgets it" if one.value else "it forgets what stands above"
        section.leave(one, why)
    return found[begin + 1 :]


def runs_once(unit: Unit) -> bool:
    """Whether it runs once and ends, and does not count as active after that."""
    return _has(unit, "type", ("oneshot",)) and not _has(
        unit, "remainafterexit", ("yes", "true", "1", "on")
    )


def _has(unit: Unit, key: str, values: tuple[str, ...]) -> bool:
    return any(
        entry.key.lower() == key and entry.value.lower() in values
        for section in unit.of("Service")
        for entry in section.entries
    )


def _is_plain(word: str) -> bool:
    """A service that is one, and neither a template nor filled in later."""
    return word.endswith(".service") and "@." not in word and "%" not in word


def _origin(section: Section, entry: Entry) -> Origin:
    return Origin(section.ledger.name, entry.first)
