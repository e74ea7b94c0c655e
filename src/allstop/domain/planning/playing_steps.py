"""One step of a playbook as nodes and steps of a plan, by its sort, from what the fleet offers now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from allstop.domain.copying import replace
from allstop.domain.draft import Refuse
from allstop.domain.fleet.expected import expected_ms
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.plan.routes import NODE
from allstop.domain.planning import node_steps
from allstop.domain.planning.degrading import lever_step
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.safety import bites_of_stop
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few
from allstop.domain.policy import Lever, Playbook, PlaybookStep, PlaySort, Policy, Service, Span

Drawers = Mapping[str, Callable[[Setting], Drawn]]
# Who is asked where the fleet offers nothing and the playbook names nobody.
COMMANDER = "commander"
# Between the name of a step of a plan and the step of the playbook it belongs to.
OF = "@"
_PURPOSES = {"isolate": "contain"}
_NO_DEED = "nothing-to-do"
# After these nothing of a service runs any more.
_ENDS = ("stop", "kill")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step is drawn from: the setting in the state that the steps before it leave, and who draws what. kept:
    services of which a copy is proven before it begins."""

    setting: Setting
    playbook: Playbook
    drawers: Drawers
    kept: frozenset[str] = frozenset()

    @property
    def policy(self) -> Policy:
        return self.setting.policy


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a step brings to the plan. takes_ms: how long its machines are expected to take."""

    nodes: tuple[Node, ...] = ()
    steps: tuple[Step, ...] = ()
    bites: tuple[Bite, ...] = ()
    lacking: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    radius: tuple[str, ...] = ()
    at_risk: tuple[str, ...] = ()
    takes_ms: int = 0

    def joined(self, other: Fragment) -> Fragment:
        """Both, side by side."""
        return Fragment(
            self.nodes + other.nodes, self.steps + other.steps, self.bites + other.bites,
            self.lacking + other.lacking, self.notes + other.notes, self.radius + other.radius,
            self.at_risk + other.at_risk, max(self.takes_ms, other.takes_ms),
        )  # fmt: skip


def fragment_of(scene: Scene, step: PlaybookStep) -> Fragment:
    """The nodes of one step. Total: what cannot be drawn is a task for a person, and said to be lacking."""
    return _MAKERS[step.sort](scene, step)


# --- whom it is about --------------------------------------------------------------------------------


def _services(scene: Scene, step: PlaybookStep) -> tuple[list[Service], list[str]]:
    """The services a step is on, and what is wrong with those that it cannot find."""
    fleet = scene.policy.fleet
    names: set[str] = set()
    wrong = []
    for name in step.on:
        targets = scene.playbook.targets_of(name)
        if not targets:
            wrong.append(f"no service is named as {name}")
        try:
            names.update(select(fleet, targets))
        except Refuse as no:
            wrong += [reason.text for reason in no.verdict.reasons]
    return [one for one in fleet.services if one.name in names], wrong


def _by_hand(step: PlaybookStep, why: list[str]) -> Fragment:
    """A task for a person in place of what the fleet does not offer; nothing when nothing is missing."""
    if not why:
        return Fragment()
    id = f"{step.id}-by-hand"
    told = "; ".join(why)
    title = f"by hand: {step.title}"
    task = _own(id, "task", title, {"role": step.role or COMMANDER, "task": title, "text": told})
    lacking = tuple(f"{step.id}: {one}, so a person does it" for one in why)
    return replace(task, lacking=lacking)


def _own(id: str, kind: str, title: str, options: dict[str, Any]) -> Fragment:
    """A node of one step that the coordinator takes care of itself."""
    node = Node(id, "", (), "hold")
    return Fragment((node,), (Step(id, kind, title, "", options=options, node=id),))


# --- plans of the fleet ------------------------------------------------------------------------------


def _plan(scene: Scene, step: PlaybookStep) -> Fragment:
    """What `allstop plan` would draw for these services in the state they will be in."""
    purpose = _PURPOSES.get(step.what, step.what)
    found, why = _services(scene, step)
    able = [one for one in found if _offers(scene, purpose, one)]
    why += [f"{one.name} offers nothing to {step.what} it" for one in found if one not in able]
    idle: list[str] = []
    if purpose == "recover":
        idle = [one.name for one in able if not _is_down(scene, one)]
        able = [one for one in able if one.name not in idle]
    said = [f"{one} is as usual, nothing is to be done" for one in idle]
    made = Fragment()
    if able or not step.on:
        targets = tuple(one.name for one in able)
        asked = Asked(purpose, targets, step.dependents, level=step.level)
        try:
            made = _renamed(scene.drawers[purpose](replace(scene.setting, asked=asked)), step)
        except Refuse as no:
            for one in no.verdict.reasons:
                (said if one.code == _NO_DEED else why).append(one.text)
    told = Fragment(notes=tuple(f"{step.id}: {one}" for one in said))
    return made.joined(_by_hand(step, why)).joined(told)


def _offers(scene: Scene, purpose: str, service: Service) -> bool:
    """Whether a service can take part in such a plan at all."""
    match purpose:
        case "contain":
            return "isolate" in service.actions
        case "stop":
            return bool(node_steps.stop_actions(service))
        case "rollback" | "snapshot" | "restore":
            return purpose in service.actions
        case "recover":
            return bool(node_steps.return_steps(scene.policy, service))
        case _:
            return True


def _is_down(scene: Scene, service: Service) -> bool:
    """Whether there is anything to bring back: plans have changed it, or it is what fails."""
    usual = scene.setting.world.standing_of(service.name).is_usual
    return not usual or service.name in scene.setting.incident.services


def _renamed(drawn: Drawn, step: PlaybookStep) -> Fragment:
    """A drawn plan as part of a larger one: each name with the step of the playbook behind it."""

    def new(name: str) -> str:
        return f"{name}{OF}{step.id}"

    nodes = tuple(
        replace(one, id=new(one.id), after=tuple(new(each) for each in one.after))
        for one in drawn.nodes
    )
    steps = tuple(
        replace(
            one, id=new(one.id), node=new(one.node),
            after=tuple(
                f"{NODE}{new(each[len(NODE) :])}" if each.startswith(NODE) else new(each)
                for each in one.after
            ),
        )
        for one in drawn.steps
    )  # fmt: skip
    outlook = drawn.outlook
    return Fragment(
        nodes, steps, drawn.bites, tuple(f"{step.id}: {one}" for one in outlook.lacking),
        tuple(f"{step.id}: {one}" for one in outlook.notes), outlook.radius, outlook.at_risk,
        outlook.whole_ms,
    )  # fmt: skip


# --- single deeds ------------------------------------------------------------------------------------


def _action(scene: Scene, step: PlaybookStep) -> Fragment:
    """One action of each service that offers it."""
    found, why = _services(scene, step)
    able = [one for one in found if step.what in one.actions]
    why += [f"{one.name} has no {step.what}" for one in found if one not in able]
    made = [
        (one, node_steps.act(one, step.what, percent=step.percent or None, node=one.name))
        for one in able
    ]
    lacking = [
        f"{step.id}: nothing proves {step.what} of {one.name}"
        for one, each in made
        if each.proof is None
    ]
    takes = [expected_ms(scene.setting.world.durations, one, step.what) for one in able]
    done = _one_each(scene, step, made)
    done = replace(done, lacking=tuple(lacking), takes_ms=max(takes, default=0))
    return done.joined(_taken_away(scene, step.what, able)).joined(_by_hand(step, why))


def _taken_away(scene: Scene, action: str, services: list[Service]) -> Fragment:
    """Whom it breaks that services are no longer there, and which rules a stop of them runs against."""
    if action not in (*_ENDS, "isolate") or not services:
        return Fragment()
    world, fleet = scene.setting.world, scene.policy.fleet
    names = tuple(one.name for one in services)
    radius = tuple(sorted(blast_radius(fleet, names)))
    if action not in _ENDS:
        return Fragment(radius=radius)
    orphans = [name for name in radius if not world.standing_of(name).stopped]
    judged = bites_of_stop(world, fleet, names, named=names, orphans=orphans, allowed=())
    # What any action on them runs against is named with it; the share is that of the whole playbook.
    bites = tuple(one for one in judged if one.rule in ("min-alive", "orphans", "unproven"))
    at_risk = tuple(one.name for one in services if one.stateful and one.name not in scene.kept)
    why = "it has data, and no step before this one proves a copy"
    bites += tuple(Bite("data-unproven", name, why) for name in at_risk)
    return Fragment(bites=bites, radius=radius, at_risk=at_risk)


def _one_each(scene: Scene, step: PlaybookStep, made: Iterable[tuple[Service, Step]]) -> Fragment:
    """A node of one step for each service, side by side."""
    nodes, steps, bites = [], [], []
    for service, one in made:
        id = f"{one.node}{OF}{step.id}"
        nodes.append(Node(id, service.name, (), "hold", 0, 0, service.host, service.zone))
        steps.append(replace(one, id=f"{one.id}{OF}{step.id}", node=id))
        if service.protected:
            bites.append(Bite("protected", service.name, "it is protected"))
        if service.name in scene.policy.fleet.own:
            bites.append(Bite("own-dependency", service.name, "the coordinator needs it itself"))
    return Fragment(tuple(nodes), tuple(steps), tuple(bites))


def _lever(scene: Scene, step: PlaybookStep) -> Fragment:
    """The lever of that name, of the named services or of all that have it."""
    pull = step.sort is PlaySort.LEVER
    found, why = _services(scene, step) if step.on else (list(scene.policy.fleet.services), [])
    levers = [(one, lever) for one in found if (lever := _lever_of(one, step.what)) is not None]
    if step.on:
        having = {one.name for one, _ in levers}
        why += [f"{one.name} has no lever {step.what}" for one in found if one.name not in having]
    elif not levers:
        why.append(f"no service has a lever {step.what}")
    world = scene.setting.world
    left = [
        (one, lever)
        for one, lever in levers
        if (step.what in world.standing_of(one.name).levers) is not pull
    ]
    word = "pulled" if pull else "not pulled"
    idle = [one.name for one, lever in levers if (one, lever) not in left]
    said = (f"{step.id}: {step.what} of {few(idle)} is {word} already",) if idle else ()
    made = [(one, lever_step(one, lever, pull=pull, node=one.name)) for one, lever in left]
    action = f"{'pull' if pull else 'release'}:{step.what}"
    takes = [expected_ms(world.durations, one, action) for one, _ in left]
    done = _one_each(scene, step, made)
    return replace(done, notes=said, takes_ms=max(takes, default=0)).joined(_by_hand(step, why))


def _lever_of(service: Service, name: str) -> Lever | None:
    return next((one for one in service.levers if one.name == name), None)


def _gate(scene: Scene, step: PlaybookStep) -> Fragment:
    """Probes that must be good for as long as the gates of the protocol say."""
    found, why = _services(scene, step)
    own = [probe.name for one in found for probe in one.probes]
    every = [one.name for one in scene.policy.fleet.probes()] if step.what == "all" else []
    probes = tuple(dict.fromkeys((*step.probes, *own, *every)))
    why += [f"no probe says that {one.name} is well" for one in found if not one.probes]
    if not probes:
        return _by_hand(step, why or ["the fleet has no probe"])
    one = node_steps.gate(scene.policy, step.id, step.id, step.title, probes, ())
    made = Fragment((Node(step.id, "", (), "hold"),), (one,), takes_ms=one.window_ms)
    return made.joined(_by_hand(step, why))


# --- what people do, hear and owe --------------------------------------------------------------------


def _tell(scene: Scene, step: PlaybookStep) -> Fragment:
    options = {"audience": step.what, "subject": step.subject, "text": step.text}
    made = _own(step.id, "tell", step.title, options)
    heard = any(one.name == step.what and one.channels for one in scene.policy.protocol.audiences)
    return made if heard else replace(made, lacking=(f"{step.id}: {step.what} has no channel",))


def _task(_: Scene, step: PlaybookStep) -> Fragment:
    options = {"role": step.role or COMMANDER, "task": step.what, "text": step.text}
    return _own(step.id, "task", step.title, options)


def _owe(_: Scene, step: PlaybookStep) -> Fragment:
    options: dict[str, Any] = {
        "obligation": step.id, "title": step.what, "owner": step.role or COMMANDER,
        "within": _plain(step.within), "remind": _plain(step.remind), "met_by": step.met_by,
    }  # fmt: skip
    return _own(step.id, "owe", step.title, options)


def _plain(span: Span | None) -> list[Any]:
    """A span as options hold it; empty for none."""
    return [span.amount, span.clock.value] if span is not None else []


_MAKERS: dict[PlaySort, Callable[[Scene, PlaybookStep], Fragment]] = {
    PlaySort.PLAN: _plan,
    PlaySort.ACTION: _action,
    PlaySort.LEVER: _lever,
    PlaySort.RELEASE: _lever,
    PlaySort.TELL: _tell,
    PlaySort.OWE: _owe,
    PlaySort.TASK: _task,
    PlaySort.GATE: _gate,
}
