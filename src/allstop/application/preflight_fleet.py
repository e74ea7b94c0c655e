"""The checks of the fleet and of whoever is reached: each probe, actuator, channel and agent is really tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from allstop.application.preflight_ground import Found, Ground, judged, result
from allstop.domain.effects import Outcome
from allstop.domain.fleet.copies import Copy, proven_copy
from allstop.domain.fleet.standing import Standing
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.moment import between, words
from allstop.domain.payload import for_incident
from allstop.domain.planning.filling import SAMPLES, filled_in
from allstop.domain.planning.node_steps import filled
from allstop.domain.policy import ActionSpec, Person, Policy, ProbeSpec, Service
from allstop.domain.readiness import NO_INCIDENT
from allstop.domain.world import World

AGENT_VERBS = ("tell", "confirm", "freeze", "resume")
# What has to be possible while a service is stopped; the rest has nobody to speak to then.
WHILE_STOPPED = frozenset({"start", "restore", "reopen"})
RELEASE = "{release}"
# Probes under `verify` that speak of copies of data, the better one first.
OF_COPIES = ("verify-snapshot", "snapshot")
# Facts by which they say how old a copy is, and how many milliseconds make one of each.
AGES = {"age_ms": 1, "age_s": 1000, "age_seconds": 1000}
LONGEST_MS = 2**53 - 1

Looks = dict[str, tuple[str, Callable[[], Awaitable[CheckResult]]]]


# --- adapters -------------------------------------------------------------------------------------


@dataclass
class _Named:
    """What an adapter is named for. places: where it would act, by what tells one from another."""

    probe: bool = False
    verbs: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    places: dict[str, _Place] = field(default_factory=dict)


@dataclass
class _Place:
    """One verb with its options, and what it is named for: `ledger/stop`."""

    verb: str
    options: dict[str, Any]
    service: str
    actions: list[str] = field(default_factory=list)


async def adapters(ground: Ground) -> Found:
    """Each adapter that is named exists, as a probe or with the verbs it is named for, and each of its
    verbs could be done now with its options."""
    named = _named(ground)
    lacking = {name: _lacking(ground, name, one) for name, one in named.items()}
    jobs: Looks = {}
    for name, one in named.items():
        for place in one.places.values() if not lacking[name] else ():
            subject = f"{name} {place.verb}: {', '.join(place.actions)}"
            job = partial(_place, ground, subject, name, place)
            jobs[subject] = (ground.host_of(place.service), job)
    tried = await ground.looks("adapters", jobs)
    bad = [one for one in tried if one.ok is not True]
    found = []
    for name, one in sorted(named.items()):
        good = sum(1 for each in tried if each.ok and each.subject.startswith(f"{name} "))
        took = max(
            (each.took_ms for each in tried if each.subject.startswith(f"{name} ")), default=0
        )
        parts = (["probe"] if one.probe else []) + sorted(one.verbs)
        text = f"installed: {', '.join(parts)}"
        if one.places:
            text += f"; could act in {good} of {len(one.places)} places"
        row = result(
            "adapters",
            name,
            not lacking[name],
            lacking[name] or text,
            concerns=sorted(one.services),
        )
        found.append(CheckResult(row.check, name, row.ok, row.text, row.mend, row.concerns, took))
    return [*found, *bad] or [result("adapters", "", True, "the documents name none")]


def _lacking(ground: Ground, name: str, named: _Named) -> str:
    lacks = [] if not named.probe or ground.adapters.probe(name) else ["it is no probe"]
    actuator = ground.adapters.actuator(name)
    if named.verbs and actuator is None:
        lacks.append("it is no actuator")
    elif actuator is not None:
        lacks += [f"no verb {verb}" for verb in sorted(named.verbs) if not actuator.info.verb(verb)]
    return ground.adapters.unavailable().get(name, "") or ", ".join(lacks)


def _named(ground: Ground) -> dict[str, _Named]:
    """Adapters by name. Channels and agents are tried by checks of their own."""
    fleet, roster = ground.policy.fleet, ground.policy.roster
    found: dict[str, _Named] = defaultdict(_Named)
    for service in fleet.services:
        if ground.wants(service.name):
            _name_for(ground, service, found)
    if not ground.services:
        for gauge in fleet.meters:
            found[gauge.probe.adapter].probe = True
        for channel in roster.channels:
            found[channel.adapter].verbs.add("post")
        for agent in roster.agents:
            found[agent.adapter].verbs.update(AGENT_VERBS)
    return found


def _name_for(ground: Ground, service: Service, found: dict[str, _Named]) -> None:
    """What one service names adapters for."""
    for spec in _probes_in(service):
        found[spec.adapter].probe = True
        found[spec.adapter].services.add(service.name)
    for action, doing in _actions_in(service):
        one = found[doing.adapter]
        one.services.add(service.name)
        if doing.verb == "measure":
            one.probe = True
            continue
        one.verbs.add(doing.verb)
        if not _stands_aside(ground.world, service, action):
            _add_place(ground, one, service, action, doing)


def _stands_aside(world: World, service: Service, action: str) -> bool:
    """Whether a plan has stopped the service, so that there is nobody to do this to."""
    standing: Standing = world.standing_of(service.name)
    return standing.stopped and action not in WHILE_STOPPED


def _add_place(
    ground: Ground, named: _Named, service: Service, action: str, doing: ActionSpec
) -> None:
    options = complete(ground.world, service.name, doing.options)
    key = f"{service.name} {doing.verb} {options!r}"
    place = named.places.setdefault(key, _Place(doing.verb, options, service.name))
    place.actions.append(f"{service.name}/{action}")


def complete(world: World, service: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options as they would be in a plan: a share of the capacity, the release to go back to, the copy to restore."""
    known, copy = world.known_good.get(service), proven_copy(world.copies, service, named=True)
    words = {**SAMPLES, "release": known.release if known is not None else ""}
    if copy is not None:
        words["copy"] = copy.name
    return filled_in(filled(options, 100), words)


def _probes_in(service: Service) -> Iterator[ProbeSpec]:
    yield from service.probes
    yield from service.verify.values()
    for lever in service.levers:
        yield from (one for one in (lever.pulled, lever.released) if one is not None)


def _actions_in(service: Service) -> Iterator[tuple[str, ActionSpec]]:
    yield from service.actions.items()
    for lever in service.levers:
        yield f"pull:{lever.name}", lever.pull
        yield f"release:{lever.name}", lever.release
    for name, doing in service.diagnose.items():
        yield f"diagnose:{name}", doing


async def _place(ground: Ground, subject: str, adapter: str, place: _Place) -> CheckResult:
    seen = await ground.tried(adapter, place.verb, place.options)
    return judged("adapters", subject, seen, concerns=place.actions)


# --- probes ---------------------------------------------------------------------------------------


async def probes(ground: Ground) -> Found:
    """Each probe is measured once. That it says "bad" is an answer; that it says nothing is none."""
    jobs: Looks = {}
    for name, spec in _probes_of(ground):
        concerns = (spec.service,) if spec.service else ()
        jobs[name] = (ground.host_of(spec.service), partial(_measure, ground, name, spec, concerns))
    if not jobs:
        return [result("probes", "", False, "there is none, so nothing can be proven")]
    return await ground.looks("probes", jobs)


async def _measure(
    ground: Ground, name: str, spec: ProbeSpec, concerns: tuple[str, ...]
) -> CheckResult:
    sample, _ = await ground.monitor.look(spec)
    says = {True: "good: ", False: "answers, and what it says is bad: ", None: ""}[sample.good]
    ok = sample.good is not None
    if not ok and ground.world.standing_of(spec.service).stopped:
        ok, says = True, "a plan has stopped it: "
    return result("probes", name, ok, f"{says}{sample.text}", concerns=concerns)


def _probes_of(ground: Ground) -> Iterator[tuple[str, ProbeSpec]]:
    """Every probe that can be measured now; a proof of a release needs to know which."""
    for service in ground.policy.fleet.services:
        if not ground.wants(service.name):
            continue
        for spec in service.probes:
            yield spec.name, spec
        for purpose, spec in service.verify.items():
            if not _is_open(spec.options):
                yield f"{service.name} {purpose}", spec
        for lever in service.levers:
            for spec_or_none, word in ((lever.pulled, "pulled"), (lever.released, "released")):
                if spec_or_none is not None and not _is_open(spec_or_none.options):
                    yield f"{service.name} {lever.name} {word}", spec_or_none
    for gauge in ground.policy.fleet.meters if not ground.services else ():
        yield gauge.probe.name, gauge.probe


def _is_open(options: Mapping[str, Any]) -> bool:
    """Whether something is left open that only a plan knows."""
    return any(word in repr(options) for word in (RELEASE, "{percent}", "{copy}", "{until}"))


# --- backups --------------------------------------------------------------------------------------


async def backups(ground: Ground) -> Found:
    """What has data has a copy that is fresh and proven: a probe says so, or a plan has seen to it lately."""
    services = [
        one for one in ground.policy.fleet.services if one.stateful and ground.wants(one.name)
    ]
    jobs: Looks = {one.name: (one.host, partial(_backup, ground, one)) for one in services}
    return await ground.looks("backups", jobs) or [
        result("backups", "", True, "no service has data of its own")
    ]


async def _backup(ground: Ground, service: Service) -> CheckResult:
    limit, seen = ground.policy.fleet.limits.backup_ms, ""
    for spec in _of_copies(service):
        sample, facts = await ground.monitor.look(spec)
        age = _age(facts)
        if sample.good and facts.get("proven", True) and age is not None and age <= limit:
            old = f", {words(age)} old" if age else ""
            return _backed(service, ok=True, text=f"{sample.text}{old}")
        if sample.good and age is None:
            seen = f"{sample.text}: how old it is cannot be read"
        elif sample.good and age is not None and age > limit:
            seen = f"{sample.text}: older than {words(limit)}"
        elif not seen or sample.good is False:
            seen = sample.text
    known = ground.world.copies.get(service.name, ())
    proven = proven_copy(ground.world.copies, service.name)
    if proven is not None and between(proven.taken_at, ground.now.utc) <= limit:
        ago = words(max(0, between(proven.taken_at, ground.now.utc)))
        return _backed(service, ok=True, text=f"a plan took one {ago} ago, and a restore proved it")
    return _backed(service, ok=False, text=seen or _why(known, proven, ground.now.utc, limit))


def _of_copies(service: Service) -> list[ProbeSpec]:
    """Probes that speak of copies: of the snapshot and its proof, and any that is named after a backup."""
    found = [service.verify[name] for name in OF_COPIES if name in service.verify]
    named = (one for one in service.probes if "backup" in one.name or "snapshot" in one.name)
    return [*found, *named]


def _age(facts: Mapping[str, Any]) -> int | None:
    """How old a copy is by what its probe read, in ms; 0 where it says nothing, and is trusted with its own limit;
    None where what it says is no number."""
    for name, factor in AGES.items():
        value = facts.get(name)
        if value is None:
            continue
        try:
            number = Decimal(str(value))
        except ArithmeticError:
            return None
        return (
            max(0, int(min(number, Decimal(LONGEST_MS)) * factor)) if number.is_finite() else None
        )
    return 0


def _why(known: tuple[Copy, ...], proven: Copy | None, now: datetime, limit: int) -> str:
    if proven is not None:
        return f"the newest proven one is {words(between(proven.taken_at, now))} old, at most {words(limit)} are wanted"
    if known:
        return "no restore has proven one yet"
    return "no probe shows a copy, and no plan has made one"


def _backed(service: Service, *, ok: bool, text: str) -> CheckResult:
    return result("backups", service.name, ok, text, concerns=(service.name,))


# --- channels, agents, people ---------------------------------------------------------------------


async def channels(ground: Ground) -> Found:
    incident = ground.incident.id if ground.incident else NO_INCIDENT
    jobs: Looks = {}
    for one in ground.policy.roster.channels:
        options = for_incident(one.options, incident)
        jobs[one.name] = ("", partial(_reach, ground, "channels", one.name, one.adapter, options))
    return await ground.looks("channels", jobs) or [
        result("channels", "", False, "there is none, so nobody is told of anything")
    ]


async def agents(ground: Ground) -> Found:
    """Whoever is registered, and whether the runtime could reach them."""
    jobs: Looks = {
        one.id: ("", partial(_reach, ground, "agents", one.id, one.adapter, dict(one.options)))
        for one in ground.world.agents.values()
    }
    return await ground.looks("agents", jobs) or [result("agents", "", True, "none is registered")]


async def _reach(
    ground: Ground, check: str, subject: str, adapter: str, options: dict[str, Any]
) -> CheckResult:
    return judged(check, subject, await ground.tried(adapter, "", options))


async def reachable(ground: Ground) -> Found:
    """For each role that must be filled, and for the owner, somebody is there who could be told now."""
    people = ground.policy.roster.people
    wanted: dict[str, list[Person]] = {
        rule.name: [one for one in people if rule.name in one.roles and not one.away]
        for rule in ground.policy.protocol.roles
        if rule.fill
    }
    wanted["owner"] = [one for one in people if one.owner and not one.away]
    jobs: Looks = {
        name: ("", partial(_anybody, ground, name, able)) for name, able in wanted.items()
    }
    return await ground.looks("reachable", jobs)


async def _anybody(ground: Ground, role: str, able: list[Person]) -> CheckResult:
    said = {one.id: await _fault_of(ground, one) for one in able}
    good = [name for name, fault in said.items() if not fault]
    bad = [f"{name} ({fault})" for name, fault in said.items() if fault]
    text = f"can be told: {', '.join(good) or 'nobody'}"
    if bad:
        text += f"; not: {', '.join(bad)}"
    return result("reachable", role, bool(good), text if able else "nobody is there for it")


async def _fault_of(ground: Ground, person: Person) -> str:
    """Why nothing reaches a person, or empty as soon as one channel does."""
    incident = ground.incident.id if ground.incident else NO_INCIDENT
    faults = []
    for name in person.channels:
        channel = ground.policy.roster.channel(name)
        if channel is None:
            continue
        seen: Outcome = await ground.tried(
            channel.adapter, "", for_incident(channel.options, incident)
        )
        if judged("reachable", name, seen).ok:
            return ""
        faults.append(f"{name}: {seen.because or seen.ending.value}")
    return "; ".join(faults) or "no channel"


def secrets_in(policy: Policy) -> Iterator[tuple[str, ActionSpec | ProbeSpec | Any]]:
    """Everything that takes options, each with the service it belongs to or empty."""
    for service in policy.fleet.services:
        for spec in _probes_in(service):
            yield service.name, spec
        for _, doing in _actions_in(service):
            yield service.name, doing
    for gauge in policy.fleet.meters:
        yield "", gauge.probe
    for one in (*policy.roster.channels, *policy.roster.agents):
        yield "", one
