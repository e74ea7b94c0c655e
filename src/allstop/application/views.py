"""Answers to reads: the published state in the shapes that faces show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from allstop.application.codec import read_record
from allstop.application.command_post import CommandPost, refused
from allstop.application.fleet_shapes import BlastRadius, FleetView
from allstop.application.fleet_views import blast_radius_view, fleet_view, service_lines
from allstop.application.halt_shaping import releasing
from allstop.application.incident_views import Seen, incident_line, incident_view
from allstop.application.lever_views import overdue_levers
from allstop.application.monitor import Monitor
from allstop.application.next_step import next_beside, next_in
from allstop.application.plan_shapes import PlanPreview, PlanView
from allstop.application.plan_shaping import plan_view, preview
from allstop.application.playbook_views import PlaybookView, playbook_views
from allstop.application.ports import Clock, Store, StoredRecord
from allstop.application.privacy import Reader, withheld
from allstop.application.reading_in import ReadIn, read_in
from allstop.application.shapes import (
    AgentLine,
    Entry,
    HaltView,
    IncidentLine,
    IncidentView,
    Overview,
    ProbeLine,
    ServiceLine,
)
from allstop.application.shaping import correction_of, entry, probe_line, roll_line
from allstop.application.standing_shapes import (
    ConfirmationsView,
    ModeNow,
    PointsView,
    ProposalLine,
    ProtocolView,
)
from allstop.application.standing_views import (
    confirmations_view,
    late_obligations,
    mode_now,
    points_view,
    protocol_view,
    readiness_line,
    review_line,
)
from allstop.application.streams import streams_of
from allstop.application.timeline import QUIET
from allstop.application.work_shapes import CrewLine, FormView, OwedView
from allstop.application.work_shaping import (
    action_lines,
    crew_lines,
    form_views,
    missing_lines,
    obligation_lines,
    proposal_line,
)
from allstop.domain.deciding.plan_drawing import draw, need_of_drawn
from allstop.domain.draft import Refuse
from allstop.domain.halt.scope import shown
from allstop.domain.halt.state import Halt, conflicts
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after
from allstop.domain.plan.asked import Asked
from allstop.domain.planning.drawn import Setting
from allstop.domain.principal import Principal
from allstop.domain.record import Record
from allstop.domain.verdict import nearest
from allstop.errors import Missing

# How many entries are read at once; whoever else reads meanwhile waits for no more.
BATCH = 1000


class Views:
    """Answers reads from the published state; nothing here changes anything.

    A new one sees everything, as the coordinator does; `for_` gives what one principal may see.
    """

    def __init__(
        self,
        post: CommandPost,
        store: Store,
        monitor: Monitor,
        clock: Clock,
        reader: Reader | None = None,
    ) -> None:
        self._post = post
        self._store = store
        self._monitor = monitor
        self._clock = clock
        self.reader = reader or Reader(post)

    def for_(self, who: Principal) -> Views:
        """The same views as this principal sees them. Faces show no others."""
        return self._read_by(Reader(self._post, who))

    def for_readers_of(self, incident: str) -> Views:
        """As everybody sees them who may read this incident: no other private one is there."""
        return self._read_by(Reader(self._post, only=incident))

    def _read_by(self, reader: Reader) -> Views:
        return Views(self._post, self._store, self._monitor, self._clock, reader)

    # --- the whole ---------------------------------------------------------------------------

    def overview(self) -> Overview:
        world, policy, now = self._post.world, self._post.book.latest, self._clock.now().utc
        halts = tuple(self.halt_view(halt) for halt in world.standing_halts())
        incidents = self.incidents()
        hint, because = self._next(incidents, halts, now)
        return Overview(
            now, policy.protocol.title, self._store.last_position(), incidents, halts, self.agents(),
            self.services(), hint, because, tuple(one for one in self.proposals() if one.state == "open"),
            self.mode(), review_line(policy, now), late_obligations(self.reader, now), readiness_line(world),
            overdue_levers(world, policy.fleet, self.reader, now),
        )  # fmt: skip

    def mode(self) -> ModeNow:
        return mode_now(self._post.world, self.reader)

    def points(self) -> PointsView:
        return points_view(self._post.world, self._post.book.latest, self.reader)

    def protocol(self) -> ProtocolView:
        book, now = self._post.book, self._clock.now().utc
        return protocol_view(book.latest, book.current, self.reader, now, self._post.broken)

    def confirmations(self) -> ConfirmationsView:
        policy, now = self._post.book.latest, self._clock.now().utc
        return confirmations_view(self._post.world, policy, now)

    def proposals(self) -> tuple[ProposalLine, ...]:
        """Newest first."""
        return tuple(
            proposal_line(one) for one in reversed(tuple(self.reader.proposals().values()))
        )

    def proposal(self, name: str) -> ProposalLine:
        known = self.reader.proposals()
        if name not in known:
            raise Missing(
                f"there is no proposal {name}", nearest(name, known) or "allstop proposals"
            )
        return proposal_line(known[name])

    # --- incidents ---------------------------------------------------------------------------

    def incidents(self) -> tuple[IncidentLine, ...]:
        """Open ones first, the worst of them first; then newest first."""
        every = sorted(self.reader.incidents(), key=lambda one: one.declared_at, reverse=True)
        return tuple(incident_line(self._seen(one)) for one in sorted(every, key=self._urgency))

    def _urgency(self, incident: Incident) -> tuple[bool, int]:
        rank = self._post.book.pinned(incident.policy).protocol.severity(incident.severity).rank
        return (not incident.is_open, rank if incident.is_open else 0)

    def current(self) -> str:
        """The one open incident, when there is exactly one. Raises Missing with a hint otherwise."""
        found = [one.id for one in self.reader.incidents() if one.is_open]
        if len(found) == 1:
            return found[0]
        if found:
            raise Missing(
                f"{len(found)} incidents are open", f"say which: --incident {' or '.join(found)}"
            )
        raise Missing("no incident is open", 'allstop declare "what fails"')

    def known(self, name: str) -> str:
        """The name of an incident the reader may know of. Raises Missing for every other."""
        return self._found(name).id

    def incident(self, name: str) -> IncidentView:
        incident = self._found(name)
        halts = tuple(self.halt_view(halt) for halt in self._post.world.all_halts_of(incident.id))
        return incident_view(self._seen(incident), halts)

    def forms(self, name: str) -> tuple[FormView, ...]:
        """Every form of its protocol, with what was filed and what is missing."""
        seen = self._seen(self._found(name))
        return form_views(seen.incident, seen.policy)

    def crews(self, name: str) -> tuple[CrewLine, ...]:
        seen = self._seen(self._found(name))
        return crew_lines(seen.incident, seen.policy)

    def owed(self, name: str) -> OwedView:
        """What it still owes, and what is missing before it may be closed for good."""
        seen = self._seen(self._found(name))
        incident = seen.incident
        return OwedView(
            incident.id, incident.state, obligation_lines(incident, seen.now),
            action_lines(incident, seen.now), missing_lines(seen.world, seen.policy, incident),
        )  # fmt: skip

    def read_in(self, name: str, who: Principal | None = None) -> ReadIn:
        """The summary for somebody who joins late; for nobody in particular without `who`."""
        seen = self._seen(self._found(name))
        return read_in(self.incident(name), seen.incident, seen.policy, seen.now, who)

    def _seen(self, incident: Incident) -> Seen:
        policy = self._post.book.pinned(incident.policy)
        return Seen(self._post.world, policy, incident, self._clock.now().utc, self.reader)

    def _found(self, name: str) -> Incident:
        known = {one.id: one for one in self.reader.incidents()}
        if name not in known:
            hint = nearest(name, known) or 'allstop declare "what fails"'
            raise Missing(f"there is no incident {name}", hint)
        return known[name]

    # --- the log -----------------------------------------------------------------------------

    def timeline(self, name: str, *, everything: bool = False) -> tuple[Entry, ...]:
        """The log of an incident, its halts and its plans, in order."""
        stored = (
            one
            for stream in streams_of(self._post.world, self._found(name).id)
            for one in self._stored(stream)
            if everything or one.kind not in QUIET
        )
        return self.entries(
            read_record(one) for one in sorted(stored, key=lambda one: one.position)
        )

    def _stored(self, stream: str) -> Iterator[StoredRecord]:
        """A whole stream, however long it is."""
        after = 0
        while batch := self._store.records(after, BATCH, stream):
            yield from batch
            after = batch[-1].position

    def log(self, after: int, limit: int) -> tuple[Entry, ...]:
        """Any entries above a position, for readers that follow the log."""
        return self.entries(read_record(one) for one in self._store.records(after, limit))

    def entries(self, records: Iterable[Record]) -> tuple[Entry, ...]:
        """Log entries as lines, each with its correction; one that is not for the reader keeps its
        place and says nothing."""
        world, reader = self._post.world, self.reader
        return tuple(
            entry(record, correction_of(world, record.stream, record.version))
            if reader.stream(record.stream)
            else withheld(record)
            for record in records
        )

    def corrected(self, found: Entry) -> Entry:
        """A line that was made earlier, with what was corrected since."""
        correction = correction_of(self._post.world, found.stream, found.version)
        return found if correction == found.correction else replace(found, correction=correction)

    def body(self, sha256: str) -> bytes | None:
        """A body kept beside the log. What only a hidden incident refers to is not there."""
        body = self._store.blob(sha256)
        if body is None or not self.reader.hidden or self._refers(sha256):
            return body
        return None if self._hides(sha256) else body

    def _refers(self, sha256: str) -> bool:
        """Whether an incident that may be read has it among its evidence."""
        return any(
            piece.sha256 == sha256
            for one in self.reader.incidents()
            for piece in one.evidence.values()
        )

    def _hides(self, sha256: str) -> bool:
        """Whether the log of a hidden incident, its halts or its plans names it."""
        return any(
            sha256 in record.body
            for id in self.reader.hidden
            for stream in streams_of(self._post.world, id)
            for record in self._stored(stream)
        )

    # --- plans, halts, agents, services ------------------------------------------------------

    def plan(self, name: str) -> PlanView:
        known = self.reader.plans()
        if name not in known:
            raise Missing(f"there is no plan {name}", nearest(name, known) or "allstop plans")
        plan = known[name]
        world, book = self._post.world, self._post.book
        incident = world.incidents.get(plan.incident)
        return plan_view(plan, world, book.pinned(plan.policy), incident)

    def playbooks(self) -> tuple[PlaybookView, ...]:
        """Those of the documents as they were adopted last."""
        return playbook_views(self._post.book.latest)

    def plan_preview(self, incident: str, asked: Asked) -> PlanPreview:
        """A plan as it would be made now. Raises Refused with every reason why there is none."""
        found = self._found(incident)
        policy = self._post.book.pinned(found.policy)
        try:
            now = self._clock.now().utc
            setting = Setting(self._post.world, policy, found, asked, now)
            drawn = draw(setting)
        except Refuse as no:
            raise refused(no.verdict) from None
        return preview(drawn, asked.purpose, need_of_drawn(setting, drawn))

    def halt(self, name: str) -> HaltView:
        halt = self._post.world.halts.get(name)
        if halt is None:
            raise Missing(
                f"there is no halt {name}",
                nearest(name, self._post.world.halts) or "allstop rollcall",
            )
        return self.halt_view(halt)

    def halts(self) -> tuple[HaltView, ...]:
        """All halts, newest first."""
        return tuple(
            self.halt_view(halt) for halt in reversed(tuple(self._post.world.halts.values()))
        )

    def halt_view(self, halt: Halt) -> HaltView:
        agents = self._post.world.agents
        roll = tuple(roll_line(line, agents[line.agent]) for line in halt.roll.values())
        settled = sum(1 for line in roll if line.settled)
        rules = self._post.book.pinned(halt.policy).protocol.all_stop
        deadline = after(halt.called_at, rules.roll_call_ms)
        view = HaltView(
            halt.id, halt.scope, halt.reason, halt.incident, halt.order, halt.ordered_at, halt.ordered_by,
            deadline, halt.stands, halt.all_stopped, settled, len(roll), halt.released_by, roll,
            classes=halt.classes, blocked=shown(halt.classes), conflicts=self._conflicts(halt),
            **releasing(self._post.world, self._post.book, halt, self.reader),
        )  # fmt: skip
        return self.reader.halt(halt, view)

    def agents(self) -> tuple[AgentLine, ...]:
        world = self._post.world
        found = []
        for agent in world.agents.values():
            holders = world.holders(agent.id)
            state = holders[-1].roll[agent.id].state.value if holders else "running"
            classes = [each for one in holders for each in one.classes]
            line = AgentLine(
                agent.id, agent.name, agent.team, state, tuple(one.id for one in holders), agent.host,
                agent.session, agent.repository, shown(classes),
            )  # fmt: skip
            found.append(line)
        return tuple(found)

    def _conflicts(self, halt: Halt) -> tuple[str, ...]:
        """Where another halt disagrees with this one about a responder."""
        found = conflicts(self._post.world.standing_halts()) if halt.stands else ()
        return tuple(
            f"{one.exempt_in} lets {one.agent} act, {one.held_by} stops it"
            for one in found
            if halt.id in (one.exempt_in, one.held_by)
        )

    def services(self) -> tuple[ServiceLine, ...]:
        return service_lines(self._post.book.latest, self._post.world, self._probes())

    def fleet(self) -> FleetView:
        """The services with all that can be done to them, by category."""
        policy = self._post.book.latest
        return fleet_view(
            policy.fleet, policy.protocol.objectives, self._post.world, self._probes()
        )

    def blast_radius(self, names: Iterable[str]) -> BlastRadius:
        """What is lost with some services. Raises Missing when one does not exist."""
        fleet = self._post.book.latest.fleet
        return blast_radius_view(fleet, names, self._post.world.durations)

    def _probes(self) -> dict[str, tuple[ProbeLine, ...]]:
        watches = self._monitor.watches
        return {
            service.name: tuple(
                probe_line(spec.name, watches.get(spec.name)) for spec in service.probes
            )
            for service in self._post.book.latest.fleet.services
        }

    def _next(
        self, incidents: tuple[IncidentLine, ...], halts: tuple[HaltView, ...], now: datetime
    ) -> tuple[str, str]:
        """The next sensible command, and why."""
        opened = [line for line in incidents if line.state == "open"]
        if not opened:
            return next_beside(halts, self.proposals())
        world, line = self._post.world, opened[0]
        policy = self._post.book.pinned(world.incidents[line.id].policy)
        return next_in(world, policy, line, now, several=len(opened) > 1)
