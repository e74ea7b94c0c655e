"""Levers that are pulled: asked about before their end, extended by people, taken back by themselves."""

from __future__ import annotations

from allstop.domain.authority import may, people_meant
from allstop.domain.clocks import reachable
from allstop.domain.deciding.escalating import escalate
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.plan_drawing import draw, drawn_hash
from allstop.domain.deciding.plan_running import begin_plan
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Refuse, Rules, refuse
from allstop.domain.expiry import PASSING, UNDER_WAY, ask_at, blocked, home_of, overdue_at
from allstop.domain.fleet.standing import Pulled
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between, time_words, words
from allstop.domain.plan import lever_commands as c
from allstop.domain.plan import lever_events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.events import PlanMade
from allstop.domain.planning.degrading import lever_name, pulled_levers
from allstop.domain.planning.drawn import Setting
from allstop.domain.record import plan_stream
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World

# How long a person may let a lever stay at once: longer is no emergency any more, it is a change.
SHORTEST_MS, LONGEST_MS = 60_000, 30 * 86_400_000


def extend_lever(draft: Draft, command: c.ExtendLever) -> None:
    """A person lets a pulled lever stay, for so long from now."""
    service, lever = named_lever(draft.world, command.lever)
    one = draft.world.standing_of(service).pulled[lever]
    incident = _home(draft, one)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    draft.only_people("lets a lever stay")
    because = checked(command.because, "an extension")
    if not SHORTEST_MS <= command.for_ms <= LONGEST_MS:
        text = f"a lever is extended by {words(SHORTEST_MS)} to {words(LONGEST_MS)}"
        refuse("bad-span", text, "--for 2h")
    until = after(draft.now.utc, command.for_ms)
    taker = draft.world.plans.get(one.taker)
    if taker is not None and taker.state in UNDER_WAY:
        refuse(
            "being-taken-back", f"{one.taker} takes it back now", f"allstop plan show {one.taker}"
        )
    draft.on_incident(incident.id, e.LeverExtended(service, lever, until, because))
    draft.result["until"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"


def named_lever(world: World, name: str) -> tuple[str, str]:
    """The pulled lever that is meant: `search:cached-answers`, or the lever alone where only one service has
    it pulled. Refuses what is not pulled, and what could mean several."""
    pulled = pulled_levers(world)
    found = [full for full, (_, lever) in pulled.items() if name in (full, lever)]
    if len(found) > 1:
        refuse("several-levers", f"{name} is pulled at several services", ", ".join(found))
    if not found:
        refuse("not-pulled", f"no lever {name} is pulled", nearest(name, pulled))
    return pulled[found[0]]


def ask_about_lever(draft: Draft, command: c.AskAboutLever) -> None:
    """Ask the commander once, before its end, whether a lever stays."""
    one = _pulled(draft, command.service, command.lever)
    at = ask_at(one) if one is not None else None
    if one is None or one.until is None or at is None or draft.now.utc < at:
        return
    incident = _home(draft, one)
    people = _asked(draft, incident)
    name = lever_name(command.service, command.lever)
    draft.on_incident(incident.id, e.LeverAsked(command.service, command.lever, one.until, people))
    left = words(max(0, between(draft.now.utc, one.until)))
    text = (
        f"{name} has been pulled since {time_words(one.since)}. Without an answer it is taken back at "
        f"{time_words(one.until)}. To let it stay: allstop lever extend {name} --for 2h --because ..."
    )
    for person in people:
        tell_person(draft, incident.id, person, f"{incident.id}: {name} ends in {left}", text)


def expire_lever(draft: Draft, command: c.ExpireLever) -> None:
    """Take a lever back whose time is over, by a plan of the coordinator's own; ask a person where that may not
    be. Nothing when it was extended or taken back meanwhile."""
    service, lever = command.service, command.lever
    one = _pulled(draft, service, lever)
    if one is None or one.until is None or draft.now.utc < one.until or one.taker:
        return
    incident = _home(draft, one)
    why = blocked(draft.world, draft.policy(incident), incident, service)
    if one.expired and (why or one.blocked not in PASSING):
        return
    name = lever_name(service, lever)
    plan, because = "", _WHY.get(why, "")
    if not why:
        try:
            plan = begin_own(draft, incident, Asked("release", levers=(name,)))
        except Refuse as refusal:
            why, because = "refused", "; ".join(one.text for one in refusal.verdict.reasons)
    draft.on_incident(incident.id, e.LeverExpired(service, lever, plan, why, because))
    if why:
        escalate(
            draft, incident.id, f"{name} is overdue", _overdue_text(name, because), _first(incident)
        )


_WHY = {
    "protected": "its service is protected, so a person takes it back",
    "stopped": "a plan has stopped its service",
    "busy": "another plan works on its service",
    "preflight": "the preflight has not passed",
}


def say_lever_overdue(draft: Draft, command: c.SayLeverOverdue) -> None:
    """Say again that a lever is pulled beyond its time, to the commander and the next of the chain."""
    one = _pulled(draft, command.service, command.lever)
    if one is None:
        return
    incident = _home(draft, one)
    at = overdue_at(one, draft.policy(incident), incident)
    if at is None or draft.now.utc < at:
        return
    name = lever_name(command.service, command.lever)
    because = _WHY.get(one.blocked, f"{one.taker} did not take it back" if one.taker else "")
    text = _overdue_text(name, because)
    people = escalate(draft, incident.id, f"{name} is overdue", text, _first(incident))
    event = e.LeverOverdue(command.service, command.lever, one.told + 1, people)
    draft.on_incident(incident.id, event)


def _overdue_text(name: str, because: str) -> str:
    why = f": {because}" if because else ""
    return (
        f"The time of {name} is over, and it is still pulled{why}. "
        f"Take it back: allstop lever release {name}. Or let it stay: allstop lever extend {name} --for 2h --because ..."
    )


def begin_own(draft: Draft, incident: Incident, asked: Asked) -> str:
    """Draw a plan that the coordinator itself wants, and start it at once; its name.

    It needs nobody: what it does was written down beforehand, is proven, and can be taken back. Whether it may
    begin has been looked at (`expiry.blocked`). Refuses as drawing it does.
    """
    policy = draft.policy(incident)
    drawn = draw(Setting(draft.world, policy, incident, asked, draft.now.utc))
    id = f"PLAN-{len(draft.world.plans) + 1}"
    event = PlanMade(
        id, incident.id, asked.purpose, drawn.title, drawn.steps, drawn_hash(drawn), "",
        draft.world.epoch + 1, incident.policy, because="begun by the coordinator",
        nodes=drawn.nodes, pace=drawn.pace, asked=asked.record(), bites=drawn.bites,
        outlook=drawn.outlook.record(),
    )  # fmt: skip
    draft.emit(plan_stream(id), event)
    begin_plan(draft, id)
    return id


def levers_undecided(world: World, incident: Incident) -> Verdict:
    """Levers that plans of an incident have pulled, and of which nobody has said that they stay for now."""
    reasons = []
    for name, (service, lever) in pulled_levers(world).items():
        one = world.standing_of(service).pulled[lever]
        home = home_of(world, one)
        decided = one.kept and not one.expired
        if home is not None and home.id == incident.id and not decided:
            hint = f"allstop lever release {name}, or allstop lever extend {name}"
            reasons.append(Reason("lever-pulled", f"{name} is still pulled", hint))
    return Verdict(tuple(reasons))


def _pulled(draft: Draft, service: str, lever: str) -> Pulled | None:
    return draft.world.standing_of(service).pulled.get(lever)


def _home(draft: Draft, one: Pulled) -> Incident:
    found = home_of(draft.world, one)
    if found is None:
        refuse("unknown-incident", "the incident that pulled it is not known")
    return found


def _first(incident: Incident) -> tuple[str, ...]:
    commander = incident.roles.get("commander", "")
    return (commander,) if commander else ()


def _asked(draft: Draft, incident: Incident) -> tuple[str, ...]:
    """The commander; without one, the first of the chain."""
    policy = draft.policy(incident)
    commander = people_meant(policy, incident.roles, "commander")
    chain = reachable(policy, incident)
    return commander or (chain[0] if chain else ())


RULES: Rules = {
    c.ExtendLever: extend_lever,
    c.AskAboutLever: ask_about_lever,
    c.ExpireLever: expire_lever,
    c.SayLeverOverdue: say_lever_overdue,
}
INTERNAL: frozenset[type] = frozenset(RULES) - {c.ExtendLever}
