"""Private incidents: who may read them, and what everybody else is shown in their place.

To whoever may not read it, a private incident does not exist. What cannot be hidden without lying
(a halt that holds agents, a place in the log) is shown without a word about it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from os.path import commonprefix

from allstop.application.command_post import CommandPost
from allstop.application.ports import EffectRow, RefusalEntry
from allstop.application.shapes import Entry, HaltView
from allstop.application.streams import incident_of
from allstop.domain.authority import matches, may
from allstop.domain.halt.state import Halt
from allstop.domain.incident.state import Incident
from allstop.domain.plan.state import Plan
from allstop.domain.policy import PolicyBook
from allstop.domain.principal import Kind, Principal
from allstop.domain.proposals import Proposal
from allstop.domain.record import Record
from allstop.domain.world import World

WITHHELD = "private"
INSTEAD = "a private incident"
# Shorter titles and single words stand in other texts as well: taking them out everywhere would garble
# what is public, down to the names of fields. Behind their incident's id they are taken out with it.
SHORTEST_TITLE = 12
_ON_A_PAGE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;"})


def may_read(world: World, book: PolicyBook, incident: Incident, who: Principal | None) -> bool:
    """Whether `who` may know of an incident. None: the coordinator itself, which knows everything."""
    if not incident.private or who is None or who.kind is Kind.SYSTEM:
        return True
    policy = book.pinned(incident.policy)
    if may("read-private", who, policy, incident.roles).allowed:
        return True
    # A source is an alert feed that many systems may read: only a grant lets it in.
    if who.kind is Kind.SOURCE:
        return False
    return matches("owner", who, policy, incident.roles) or _takes_part(world, incident, who)


def _takes_part(world: World, incident: Incident, who: Principal) -> bool:
    """Whoever declared or reported it, was called or asked to it, or was given work in it."""
    name = str(who)
    began = {incident.declared_by}
    began |= {one.by for one in world.proposals.values() if one.incident == incident.id}
    working = {member for crew in incident.crews.values() for member in crew.members}
    working |= {task.owner for task in incident.tasks.values()}
    # Whoever is told of it by name, by an escalation for example, must be able to look.
    told = {one.to for one in incident.notifications.values()}
    if name in began | working | told:
        return True
    people = {*incident.roles.values(), *incident.offers.values(), *incident.called}
    people |= {item.owner for item in incident.actions.values()}
    return who.kind is Kind.PERSON and who.id in people


class Reader:
    """Somebody who reads, and what is hidden from them at this moment.

    Every view asks it, and the faces let what they send pass through `text` once more: a number or
    a title that slipped into a sentence elsewhere is taken out there.
    """

    def __init__(self, post: CommandPost, who: Principal | None = None, *, only: str = "") -> None:
        """only: no principal, but what everybody who may read this one incident may read."""
        self._post = post
        self._only = only
        self.who = who
        self._world: World | None = None
        self._hidden: frozenset[str] = frozenset()
        self._names: _Names | None = None

    @property
    def hidden(self) -> frozenset[str]:
        """The ids of the incidents that do not exist for this reader."""
        world = self._post.world
        if world is not self._world:
            found = [one for one in world.incidents.values() if not self._may_read(world, one)]
            self._world, self._hidden = world, frozenset(one.id for one in found)
            self._names = _Names.of(found) if found else None
        return self._hidden

    def _may_read(self, world: World, incident: Incident) -> bool:
        if self._only:
            return incident.id == self._only or not incident.private
        return may_read(world, self._post.book, incident, self.who)

    def sees(self, incident: str) -> bool:
        """False only for one that is hidden: an id that nobody knows is nothing to hide."""
        return incident not in self.hidden

    def incidents(self) -> tuple[Incident, ...]:
        hidden = self.hidden
        return tuple(one for one in self._post.world.incidents.values() if one.id not in hidden)

    def plans(self) -> dict[str, Plan]:
        return {
            plan.id: plan for plan in self._post.world.plans.values() if self.sees(plan.incident)
        }

    def proposals(self) -> dict[str, Proposal]:
        """What was proposed tells what the incident is about, so it is hidden with it."""
        return {
            one.id: one for one in self._post.world.proposals.values() if self.sees(one.incident)
        }

    def stream(self, stream: str) -> bool:
        """Whether the entries of a stream may be read."""
        world = self._post.world
        kind, _, id = stream.partition("/")
        if kind == "proposal" and id in world.proposals:
            return self.sees(world.proposals[id].incident)
        return self.sees(incident_of(world, stream))

    def halt(self, halt: Halt, view: HaltView) -> HaltView:
        """Agents see that they are held, whatever for."""
        if self.sees(halt.incident):
            return view
        return replace(view, reason=WITHHELD, incident="", private=True)

    def effects(self, rows: list[EffectRow]) -> tuple[EffectRow, ...]:
        """Calls to agents under a halt stay: who runs an agent must see what reached it."""
        return tuple(
            row
            for row in rows
            if row.effect.stream.startswith("halt/") or self.stream(row.effect.stream)
        )

    def refusals(self, found: list[RefusalEntry]) -> tuple[RefusalEntry, ...]:
        """A refusal does not say which incident it was about, so while something is hidden only one's
        own are shown, and those from before it began."""
        hidden = self.hidden
        if not hidden:
            return tuple(found)
        since = min(self._post.world.incidents[id].declared_at for id in hidden)
        return tuple(one for one in found if one.actor == str(self.who) or one.at < since)

    def text(self, text: str) -> str:
        """A text without the ids and titles of what is hidden."""
        if not self.hidden or self._names is None:
            return text
        return self._names.out_of(text)


def withheld(record: Record) -> Entry:
    """What stands in the place of an entry that is not for the reader, so that none seems missing."""
    return Entry(record.position, record.at, "", WITHHELD, "", "plain", WITHHELD)


@dataclass(frozen=True, slots=True)
class _Names:
    """By what hidden incidents are called: titles wherever they stand, and ids with the title behind
    them, if it stands there."""

    ids: re.Pattern[str]
    titles: tuple[str, ...]

    @classmethod
    def of(cls, hidden: list[Incident]) -> _Names:
        long = {
            spelt
            for one in hidden
            if len(one.title) >= SHORTEST_TITLE and " " in one.title
            for spelt in _spelt(one.title)
        }
        # What all ids begin with stands first and alone: that is found fast in a long text.
        begin = commonprefix([one.id for one in hidden])  # noqa: RUF071 - of names, not of paths
        ends = (
            rf"{re.escape(one.id.removeprefix(begin))}(?!\w)"
            rf"(?:[\]:,]? \(?(?:{'|'.join(map(re.escape, _spelt(one.title)))})(?!\w)\)?)?"
            for one in hidden
        )
        ids = rf"{re.escape(begin)}(?<![\w-]{re.escape(begin)})(?:{'|'.join(ends)})"
        return cls(re.compile(ids), tuple(sorted(long, key=len, reverse=True)))

    def out_of(self, text: str) -> str:
        text = self.ids.sub(INSTEAD, text)
        for title in self.titles:
            text = text.replace(title, INSTEAD)
        return text


def _spelt(title: str) -> tuple[str, ...]:
    """As it stands in plain text, inside JSON, and on a page."""
    written = (title, json.dumps(title, ensure_ascii=False)[1:-1], title.translate(_ON_A_PAGE))
    return tuple(dict.fromkeys(written))
