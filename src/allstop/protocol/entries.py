"""Grant entries in documents: what each may name in its place, and whom it can mean on the roster."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from allstop.domain.authority import ACTIONS, HUMAN_ONLY
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place

# grant: under `authority`; declaring: who may declare, before there is an incident; people: whoever is
# called or told, where a bare word is a role; asked: the same before there is an incident; signers:
# whoever signs.
Sort = Literal["grant", "declaring", "people", "asked", "signers"]

_BARE: dict[Sort, tuple[str, ...]] = {
    "grant": ("person", "agent", "source", "self", "owner"),
    "declaring": ("person", "agent", "source", "owner"),
    "people": ("person", "owner"),
    "asked": ("person", "owner"),
    "signers": ("person", "owner"),
}
_NAMED: dict[Sort, tuple[str, ...]] = {
    "grant": ("role", "office", "team", "person", "agent", "source"),
    "declaring": ("office", "team", "person", "agent", "source"),
    "people": ("role", "office", "team", "person"),
    "asked": ("office", "team", "person"),
    "signers": ("role", "office", "team", "person"),
}
_BEFORE: tuple[Sort, ...] = ("declaring", "asked")
_CALLED: tuple[Sort, ...] = ("people", "asked")
_MACHINES = ("agent", "source", "self")


@dataclass(frozen=True, slots=True)
class Names:
    """What entries may name. roster: None where it is not known, and what it holds is not asked."""

    model: ProtocolDocument
    roster: RosterDocument | None

    @property
    def manned(self) -> RosterDocument | None:
        """The roster, when somebody is on it: on an empty one everything would mean nobody."""
        return self.roster if self.roster is not None and self.roster.people else None


def check_entry(entry: str, sort: Sort, names: Names, place: Place, found: Findings) -> bool:
    """Whether an entry may stand in its place and names something that exists."""
    kind, colon, name = entry.partition(":")
    if not colon and sort in _CALLED and kind not in (*_BARE[sort], *_MACHINES):
        kind, colon, name = "role", ":", entry
    if kind == "role" and name and sort in _BEFORE:
        if not found.known("AP041", name, names.model.roles, place, "role"):
            return False
        nobody_yet(entry, place, found)
        return False
    if not colon and kind in _BARE[sort]:
        return True
    if name and kind in _NAMED[sort]:
        return _exists(kind, name, names, place, found)
    found.add("AP063", place, f"{entry} is no grant{_where(sort)}", _hint(entry, sort, names))
    return False


def nobody_yet(entry: str, place: Place, found: Findings) -> None:
    """A role where nobody can hold one."""
    text = f"{entry} is nobody here: roles are held in an incident, and there is none yet"
    found.add("AP137", place, text, "name an office, a person or owner")


def _exists(kind: str, name: str, names: Names, place: Place, found: Findings) -> bool:
    roster = names.roster
    match kind:
        case "role":
            return found.known("AP041", name, names.model.roles, place, "role")
        case "office":
            return found.known("AP110", name, names.model.offices, place, "office")
        case "team":
            return roster is None or found.known("AP047", name, roster.teams, place, "team")
        case "person":
            return roster is None or found.known("AP045", name, roster.people, place, "person")
        case _:
            # Agents may register themselves and sources are tokens: their names cannot be checked.
            return True


def _where(sort: Sort) -> str:
    return {"grant": "", "declaring": " for who may declare"}.get(sort, " that means people")


def _hint(entry: str, sort: Sort, names: Names) -> str:
    if entry in names.model.roles and sort in ("grant", "signers"):
        return f"write role:{entry}"
    if entry in names.model.offices:
        return f"write office:{entry}"
    named = (f"{kind}:{'ID' if kind == 'person' else 'NAME'}" for kind in _NAMED[sort])
    return f"one of {', '.join((*_BARE[sort], *named))}"


def meant(entry: str, names: Names) -> list[str]:
    """The people on the roster an entry could ever mean. A bare word is a role."""
    roster = names.roster
    if roster is None:
        return []
    if entry == "person":
        return list(roster.people)
    kind, colon, name = entry.partition(":")
    if not colon and kind not in ("owner", *_MACHINES):
        kind, name = "role", entry
    return [
        id
        for id, person in roster.people.items()
        if (kind == "owner" and person.owner)
        or (kind == "role" and name in person.roles)
        or (kind == "office" and name == person.office)
        or (kind == "team" and name == person.team)
        or (kind == "person" and name == id)
    ]


def meant_by_any(entries: Iterable[str], names: Names) -> list[str]:
    """The people several entries could mean, each once, in the order of the entries."""
    return list(dict.fromkeys(id for entry in entries for id in meant(entry, names)))


def by_machine(action: str, entry: str) -> bool:
    """Whether an entry grants a machine what only people may do."""
    return action in HUMAN_ONLY and entry.partition(":")[0] in _MACHINES


def possible(entries: Collection[str], names: Names) -> bool:
    """Whether anybody or anything could ever act under these entries."""
    roster = names.roster
    if roster is None:
        return bool(entries)
    machines = {f"agent:{id}" for id in roster.agents}
    return any(
        entry.partition(":")[0] in _MACHINES
        or entry in machines
        or _agent_in(entry, roster)
        or bool(meant(entry, names))
        for entry in entries
    )


def whom_nobody_is(entries: Collection[str], names: Names) -> tuple[str, str]:
    """What to say of entries that mean no person on the roster, and what to do about it."""
    wanted = " or ".join(entries)
    if names.roster is not None and any(_agent_in(entry, names.roster) for entry in entries):
        text = f"no person on the roster is {wanted}, only an agent, and agents are not called"
        return text, "give a person that office or team"
    return f"nobody on the roster is {wanted}", "give somebody that office, role or team"


def _agent_in(entry: str, roster: RosterDocument) -> bool:
    kind, _, name = entry.partition(":")
    return bool(name) and any(
        (kind == "office" and agent.office == name) or (kind == "team" and agent.team == name)
        for agent in roster.agents.values()
    )


def able(action: str, names: Names) -> bool:
    """Whether anybody can do an action at all. Unknown actions are nobody's."""
    assert action in ACTIONS, action
    return possible(names.model.authority.get(action, ()), names)
