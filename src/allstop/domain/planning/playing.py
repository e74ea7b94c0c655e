"""A playbook as a plan: every step of it becomes nodes, phase after phase, each with its time.

What the fleet does not offer is named, and becomes a task for a person: nothing is ever taken for done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from allstop.domain.copying import replace
from allstop.domain.draft import refuse
from allstop.domain.fleet import standing
from allstop.domain.fleet.copies import PROVES
from allstop.domain.incident.state import Incident
from allstop.domain.moment import words
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Node, PlanPhase, Step
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.lessons import lessons
from allstop.domain.planning.playing_steps import Drawers, Fragment, Scene, fragment_of
from allstop.domain.planning.safety import bites_of_stop
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Playbook, PlaybookPhase, PlaybookStep, Policy
from allstop.domain.recognition import hit_domains, shows_kind
from allstop.domain.verdict import nearest
from allstop.domain.world import World

# The node with which a phase begins, and its only step.
PHASE = "phase:"
# The rule that is about a plan as a whole, whatever the steps of a playbook take each.
SHARE = "largest-share"


def fitting(policy: Policy, incident: Incident) -> tuple[Playbook, ...]:
    """The playbooks that are for an incident of this kind, severity and ground."""
    domains = hit_domains(policy, incident.services, incident.domain)
    return tuple(
        one
        for one in policy.playbooks
        if one.kinds
        and shows_kind(policy, incident, one.kinds)
        and (not one.severities or incident.severity in one.severities)
        and (not one.domains or set(one.domains) & set(domains))
    )


def resolved(policy: Policy, incident: Incident, asked: Asked) -> Asked:
    """What is asked for, with the playbook it means by name. Refuses where it means none, or several.

    A recovery without targets uses the one of the incident's kind that knows the way back, if there is one.
    """
    if asked.purpose == "recover" and asked.targets and asked.playbook:
        hint = "allstop plan recover TARGET..., or allstop plan recover --playbook NAME"
        refuse("two-ways", "a playbook says itself what it brings back, so no target fits it", hint)
    if asked.purpose == "recover" and not asked.targets and not asked.playbook:
        ways = [one for one in fitting(policy, incident) if one.recovery()]
        how = "allstop plan recover --playbook NAME, or name what is to come back"
        return replace(asked, playbook=_the_one(ways, how).name) if ways else asked
    if asked.purpose != "playbook" or asked.playbook:
        return asked
    found = fitting(policy, incident)
    if not found:
        known = [one.name for one in policy.playbooks]
        hint = f"allstop plan playbook {known[0]}" if known else "add one under playbooks/"
        kind = f"of the kind {incident.kind}" if incident.kind else "of no kind"
        refuse("no-playbook", f"no playbook is for {incident.id}, which is {kind}", hint)
    return replace(asked, playbook=_the_one(found, "allstop plan playbook NAME").name)


def _the_one(found: Sequence[Playbook], how: str) -> Playbook:
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        refuse("several-playbooks", f"these playbooks fit: {names}", f"say which: {how}")
    return found[0]


def draw_playbook(setting: Setting, drawers: Drawers) -> Drawn:
    """The plan of a playbook, by name or by the kind of the incident."""
    return _draw(_resolved(setting), drawers, whole=True)


def draw_way_back(setting: Setting, drawers: Drawers) -> Drawn:
    """A recovery: by the playbook of the incident's kind where it has a way back, else by the fleet alone.

    In both the preview says what similar incidents taught.
    """
    setting = _resolved(setting)
    if setting.asked.playbook:
        return _draw(setting, drawers, whole=False)
    drawn = drawers["recover"](setting)  # the plain one
    learned = lessons(setting.world, setting.incident, setting.now)
    return replace(drawn, outlook=replace(drawn.outlook, learned=learned))


def _resolved(setting: Setting) -> Setting:
    asked = resolved(setting.policy, setting.incident, setting.asked)
    return replace(setting, asked=asked)


def _draw(setting: Setting, drawers: Drawers, *, whole: bool) -> Drawn:
    name = setting.asked.playbook
    playbook = setting.policy.playbook(name)
    if playbook is None:
        known = [one.name for one in setting.policy.playbooks]
        hint = nearest(name, known) or "allstop playbook list"
        # The list shows those of the documents as they are now; an incident keeps those it began with.
        refuse("unknown-playbook", f"{setting.incident.id} began without a playbook {name}", hint)
    phases = playbook.phases if whole else playbook.recovery()
    if not phases:
        refuse("no-way-back", f"{name} has no phase of recovery", "allstop plan recover all")
    play = _Play(setting, playbook, drawers)
    for phase in phases:
        play.add_phase(phase, 0 if whole else phases[0].from_ms)
    title = playbook.title if whole else f"{playbook.title}: the way back"
    return Drawn(
        title, tuple(play.nodes), tuple(play.steps), pace(setting.policy.fleet.limits),
        play.all_bites(), play.outlook(whole=whole), tuple(play.phases),
    )  # fmt: skip


@dataclass(slots=True)
class _Play:
    """A plan that grows step by step. world: as it will be once everything so far is done; ends: the nodes
    of each step of the playbook; ended_ms: when each is expected to have ended, from the start; held_back: the
    steps of this phase so far that wait for its beginning; kept: services of which a copy is proven once a step has
    ended, by step; gone: the most services that are stopped by it at one time."""

    setting: Setting
    playbook: Playbook
    drawers: Drawers
    world: World = field(init=False)
    nodes: list[Node] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    bites: list[Bite] = field(default_factory=list)
    phases: list[PlanPhase] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    radius: set[str] = field(default_factory=set)
    at_risk: list[str] = field(default_factory=list)
    ends: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ended_ms: dict[str, int] = field(default_factory=dict)
    open_ms: int = 0
    barrier: tuple[str, ...] = ()
    held_back: set[str] = field(default_factory=set)
    kept: dict[str, frozenset[str]] = field(default_factory=dict)
    kept_before: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.world = self.setting.world

    def add_phase(self, phase: PlaybookPhase, zero_ms: int) -> None:
        """One phase behind what is there. zero_ms: what its times are counted from."""
        begins, within = phase.from_ms - zero_ms, phase.within_ms - zero_ms
        id = f"{PHASE}{phase.name}"
        self.phases.append(PlanPhase(phase.name, phase.title, begins, within))
        self.nodes.append(Node(id, "", self.barrier, "hold", phase=phase.name))
        self.steps.append(
            Step(id, "phase", phase.title, "", options={"within_ms": within}, node=id)
        )
        begun = self.open_ms = max([self.open_ms, *self.ended_ms.values()])
        self.kept_before = frozenset[str]().union(*self.kept.values())
        nodes = [id]
        self.held_back = set()
        for step in phase.steps:
            nodes += self._add_step(step, phase.name, id)
        self.barrier = tuple(nodes)
        ends = max((self.ended_ms[one.id] for one in phase.steps), default=begun)
        if ends > within:
            text = f"{words(ends)} are expected until it ends, and it has {words(within)}"
            self.notes.append(f"the phase {phase.name} has not time enough: {text}")

    def _add_step(self, step: PlaybookStep, phase: str, begin: str) -> list[str]:
        kept = frozenset[str]() if step.early else self.kept_before
        kept = kept.union(*(self.kept.get(one, ()) for one in step.after))
        scene = Scene(replace(self.setting, world=self.world), self.playbook, self.drawers, kept)
        found = fragment_of(scene, step)
        waits = [node for one in step.after for node in self.ends.get(one, ())]
        if not step.early and not self.held_back & set(step.after):
            waits.append(begin)
        nodes = [_placed(node, step, phase, tuple(waits)) for node in found.nodes]
        self.nodes += nodes
        self.steps += found.steps
        self._note(step, found)
        proven = (one.service for one in found.steps if one.action == PROVES and not one.latent)
        self.kept[step.id] = kept.union(proven)
        ids = [node.id for node in nodes]
        # A step with nothing to do lets those behind it wait for what it would have waited for.
        self.ends[step.id] = tuple(ids) or tuple(waits)
        if not step.early:
            self.held_back.add(step.id)
        return ids

    def _note(self, step: PlaybookStep, found: Fragment) -> None:
        self.bites += found.bites
        self.lacking += found.lacking
        self.notes += found.notes
        self.radius |= set(found.radius)
        self.at_risk += found.at_risk
        earlier = [self.ended_ms.get(one, 0) for one in step.after]
        self.ended_ms[step.id] = max([0 if step.early else self.open_ms, *earlier]) + found.takes_ms
        moved = dict(self.world.standings)
        for one in found.steps:
            if one.kind == "act" and not one.latent and one.service:
                before = moved.get(one.service, standing.USUAL)
                moved[one.service] = standing.after_step(before, one, "", self.setting.now)
        self.world = replace(self.world, standings=moved)
        now = self.setting.world
        gone = [
            name for name, one in moved.items() if one.stopped and not now.standing_of(name).stopped
        ]
        self.gone = max(self.gone, tuple(gone), key=len)

    def all_bites(self) -> tuple[Bite, ...]:
        """What its steps run against, each by itself, and the share of the fleet that all of them take."""
        world, fleet = self.setting.world, self.setting.policy.fleet
        judged = bites_of_stop(world, fleet, self.gone, named=self.gone, orphans=(), allowed=())
        own = [one for one in self.bites if one.rule != SHARE]
        return tuple(dict.fromkeys((*own, *(one for one in judged if one.rule == SHARE))))

    def outlook(self, *, whole: bool) -> Outlook:
        """Times are of machines alone: what people need for their tasks nobody knows."""
        ends = max(self.ended_ms.values(), default=0)
        if not whole:
            down = [
                service.name
                for service in self.setting.policy.fleet.services
                if not self.world.standing_of(service.name).is_usual
            ]
            if down:
                text = f"{few(down)}: not as usual, and {self.playbook.name} does not bring it back"
                self.notes.append(text)
        own = {node.service for node in self.nodes}
        return Outlook(
            ends, ends, radius=tuple(sorted(self.radius - own)),
            at_risk=tuple(dict.fromkeys(self.at_risk)), lacking=tuple(dict.fromkeys(self.lacking)),
            notes=tuple(dict.fromkeys(self.notes)),
            learned=lessons(self.setting.world, self.setting.incident, self.setting.now),
        )  # fmt: skip


def _placed(node: Node, step: PlaybookStep, phase: str, waits: tuple[str, ...]) -> Node:
    """A node of a step in its phase. Only what waits for nothing else of its step waits for what is before."""
    after = node.after or waits
    return replace(node, after=after, phase=phase, on_failure=step.on_failure or node.on_failure)
