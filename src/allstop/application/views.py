"""Answers to reads: the published state in the shapes that faces show."""

from __future__ import annotations

from datetime import datetime

from allstop.application.codec import read_record
from allstop.application.command_post import CommandPost
from allstop.application.monitor import Monitor
from allstop.application.ports import Clock, Store
from allstop.application.shapes import (
    AgentLine,
    DeadlineLine,
    Entry,
    HaltView,
    IncidentLine,
    IncidentView,
    Overview,
    PhaseLine,
    PlanView,
    ServiceLine,
)
from allstop.application.shaping import (
    criteria_lines,
    entries,
    evidence_lines,
    impact_text,
    measure_line,
    plan_view,
    probe_line,
    roles_lines,
    roll_line,
)
from allstop.domain.gates import phase_standings, standings
from allstop.domain.halt.state import Halt
from allstop.domain.incident.clocks import running, update_due_at
from allstop.domain.incident.state import Incident
from allstop.domain.metrics import measures
from allstop.domain.moment import between, words
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Policy
from allstop.domain.record import halt_stream, incident_stream, plan_stream
from allstop.domain.verdict import nearest
from allstop.errors import Missing


class Views:
    """Answers reads from the published state; nothing here changes anything."""

    def __init__(self, post: CommandPost, store: Store, monitor: Monitor, clock: Clock) -> None:
        self._post = post
        self._store = store
        self._monitor = monitor
        self._clock = clock

    def overview(self) -> Overview:
        world = self._post.world
        halts = tuple(self.halt_view(halt) for halt in world.standing_halts())
        incidents = self.incidents()
        hint, because = self._next(incidents, halts)
        return Overview(
            self._clock.now().utc, self._post.book.latest.protocol.title, self._store.last_position(),
            incidents, halts, self.agents(), self.services(), hint, because,
        )  # fmt: skip

    def incidents(self) -> tuple[IncidentLine, ...]:
        """Open ones first, the worst of them first; then newest first."""
        every = sorted(
            self._post.world.incidents.values(), key=lambda one: one.declared_at, reverse=True
        )
        return tuple(self._line(one) for one in sorted(every, key=self._urgency))

    def _urgency(self, incident: Incident) -> tuple[bool, int]:
        rank = self._post.book.pinned(incident.policy).protocol.severity(incident.severity).rank
        return (not incident.is_open, rank if incident.is_open else 0)

    def current(self) -> str:
        """The one open incident, when there is exactly one. Raises Missing with a hint otherwise."""
        found = [one.id for one in self._post.world.open_incidents()]
        if len(found) == 1:
            return found[0]
        if found:
            raise Missing(
                f"{len(found)} incidents are open", f"say which: --incident {' or '.join(found)}"
            )
        raise Missing("no incident is open", 'allstop declare "what fails"')

    def incident(self, name: str) -> IncidentView:
        incident = self._found(name)
        policy = self._post.book.pinned(incident.policy)
        world = self._post.world
        chosen = incident.remedy
        return IncidentView(
            line=self._line(incident),
            trigger=incident.trigger,
            declared_by=incident.declared_by,
            protocol=policy.protocol.title,
            policy=incident.policy,
            severity_because=incident.severity_because,
            status=incident.status,
            acknowledged_by=incident.acknowledged_by,
            phases=self._phases(incident, policy),
            stand_down=criteria_lines(
                standings(world, policy, incident, policy.protocol.stand_down)
            ),
            roles=roles_lines(incident, policy),
            evidence=evidence_lines(incident),
            remedy=chosen.remedy if chosen else "",
            remedy_because=chosen.because if chosen else "",
            plans=tuple(plan_view(plan) for plan in world.plans_of(incident.id)),
            halts=tuple(self.halt_view(halt) for halt in world.halts_of(incident.id)),
            measures=tuple(measure_line(one) for one in measures(incident, policy)),
            deadlines=tuple(
                DeadlineLine(one.deadline, one.what, one.at, one.deadline in incident.missed)
                for one in running(world, policy, incident)
            ),
            statements=dict(incident.statements),
            obligations=tuple(
                (one.title, one.owner, one.due_at) for one in incident.obligations.values()
            ),
            report=incident.report,
        )

    def plan(self, name: str) -> PlanView:
        plan = self._post.world.plans.get(name)
        if plan is None:
            raise Missing(
                f"there is no plan {name}", nearest(name, self._post.world.plans) or "allstop plans"
            )
        return plan_view(plan)

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
        deadline = datetime.fromtimestamp(
            halt.ordered_at.timestamp() + rules.roll_call_ms / 1000, halt.ordered_at.tzinfo
        )
        return HaltView(
            halt.id, halt.scope, halt.reason, halt.incident, halt.order, halt.ordered_at, halt.ordered_by,
            deadline, halt.stands, halt.stands and halt.accounted, settled, len(roll), halt.released_by, roll,
        )  # fmt: skip

    def agents(self) -> tuple[AgentLine, ...]:
        world = self._post.world
        found = []
        for agent in world.agents.values():
            holders = world.holders(agent.id)
            state = holders[-1].roll[agent.id].state.value if holders else "running"
            found.append(
                AgentLine(agent.id, agent.name, agent.team, state, tuple(one.id for one in holders))
            )
        return tuple(found)

    def services(self) -> tuple[ServiceLine, ...]:
        fleet = self._post.book.latest.fleet
        found = []
        for service in fleet.services:
            probes = tuple(
                probe_line(spec.name, self._monitor.watches.get(spec.name))
                for spec in service.probes
            )
            states = {probe.state for probe in probes}
            state = "down" if "down" in states else "up" if states == {"up"} else "unknown"
            good = self._post.world.known_good.get(service.name)
            functions = tuple(one.title for one in fleet.functions if service.name in one.services)
            found.append(
                ServiceLine(
                    service.name, service.title, service.category, state, service.protected,
                    tuple(edge.to for edge in service.depends), probes, good.release if good else "", functions,
                )
            )  # fmt: skip
        return tuple(found)

    def timeline(self, name: str, *, everything: bool = False) -> tuple[Entry, ...]:
        """The log of an incident, its halts and its plans, in order."""
        incident = self._found(name)
        streams = [incident_stream(incident.id)]
        streams += [halt_stream(halt.id) for halt in self._post.world.halts_of(incident.id)]
        streams += [plan_stream(plan.id) for plan in self._post.world.plans_of(incident.id)]
        records = [
            read_record(one)
            for stream in streams
            for one in self._store.records(stream=stream, limit=100_000)
        ]
        return entries(sorted(records, key=lambda record: record.position), everything=everything)

    def log(self, after: int, limit: int) -> tuple[Entry, ...]:
        """Any entries above a position, for readers that follow the log."""
        return entries(
            (read_record(one) for one in self._store.records(after, limit)), everything=True
        )

    def _found(self, name: str) -> Incident:
        incident = self._post.world.incidents.get(name)
        if incident is None:
            known = self._post.world.incidents
            raise Missing(
                f"there is no incident {name}",
                nearest(name, known) or 'allstop declare "what fails"',
            )
        return incident

    def _line(self, incident: Incident) -> IncidentLine:
        policy = self._post.book.pinned(incident.policy)
        rule = policy.protocol.severity(incident.severity)
        phase = policy.protocol.phase(incident.phase)
        end = incident.stood_down_at or self._clock.now().utc
        return IncidentLine(
            incident.id, incident.title, incident.state, incident.severity, rule.title, incident.phase,
            phase.title, incident.roles.get("commander", ""), incident.services, impact_text(incident),
            incident.declared_at, words(between(incident.declared_at, end)),
            update_due_at(incident, policy) if incident.is_open else None, self._waits(incident, policy),
        )  # fmt: skip

    def _waits(self, incident: Incident, policy: Policy) -> tuple[str, ...]:
        """What the response waits for now, most specific first."""
        if not incident.is_open:
            return ()
        world = self._post.world
        gate = phase_standings(world, policy, incident, policy.protocol.phase(incident.phase))
        missing = [one for one in gate if not one.passed]
        if not missing:
            missing = [
                one
                for one in standings(world, policy, incident, policy.protocol.stand_down)
                if not one.passed
            ]
        return tuple(f"{one.criterion.title}: {one.text}" for one in missing)

    def _phases(self, incident: Incident, policy: Policy) -> tuple[PhaseLine, ...]:
        entered = dict(incident.phases)
        names = [phase.name for phase in policy.protocol.phases]
        place = names.index(incident.phase)
        left_all = "resolved" in incident.milestones
        found = []
        for number, phase in enumerate(policy.protocol.phases):
            state = (
                "done" if number < place or left_all else "current" if number == place else "ahead"
            )
            gate = phase_standings(self._post.world, policy, incident, phase)
            found.append(
                PhaseLine(
                    phase.name, phase.title, state, entered.get(phase.name), criteria_lines(gate)
                )
            )
        return tuple(found)

    def _next(
        self, incidents: tuple[IncidentLine, ...], halts: tuple[HaltView, ...]
    ) -> tuple[str, str]:
        """The next sensible command, and why."""
        for line in incidents:
            if line.state == "open":
                return self._next_in(line)
        loose = next((halt for halt in halts if not halt.incident), None)
        if loose is not None:
            why = f"{loose.id} holds {loose.total} agents"
            return (f'allstop release {loose.id} --because "..."', why)
        return (
            'allstop declare "what fails" --service NAME',
            "nothing is wrong that Allstop knows of",
        )

    def _next_in(self, line: IncidentLine) -> tuple[str, str]:
        """The next sensible command in an open incident."""
        if self._post.world.incidents[line.id].acknowledged_at is None:
            several = len(self._post.world.open_incidents()) > 1
            which = f" --incident {line.id}" if several else ""
            return (f"allstop ack{which}", f"nobody has acknowledged {line.id}")
        for plan in self._post.world.plans_of(line.id):
            if plan.state is PlanState.PROPOSED and plan.approve:
                why = f"{plan.id} waits for the approval of the {plan.approve}"
                return (f"allstop approve {plan.id}", why)
        return (
            f"allstop show {line.id}",
            line.waits_for[0] if line.waits_for else f"{line.id} is open",
        )
