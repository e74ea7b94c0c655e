"""The checks of a preflight, each made for real: what cannot be seen is unknown, never fine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from allstop.application.monitor import Monitor
from allstop.application.ports import Adapters, Store, Surroundings, Verifiable
from allstop.domain.confirmations import CONFIRMED, Understanding, everybody, understanding_words
from allstop.domain.effects import Ending
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, words
from allstop.domain.payload import for_incident
from allstop.domain.policy import Person, Policy, ProbeSpec, Service
from allstop.domain.world import World

# Outside of an incident a channel's own file or room is looked for under this name.
NO_INCIDENT = "preflight"
AT_ONCE = 16
REACH_MS = 5_000
YEAR = timedelta(days=365)
LEAST_FREE_DISK = 500_000_000
LEAST_SHARE_PERCENT = 5
TEXT_LIMIT = 300
# Options by these names hold the path of a file with a secret.
SECRETS = ("secret_file", "token_file", "password_file", "key_file", "credentials_file")
AGENT_VERBS = ("tell", "confirm", "freeze", "resume")


@dataclass(slots=True)
class Ground:
    """What the checks look at. incident: None outside of one."""

    policy: Policy
    incident: Incident | None
    world: World
    now: Now
    adapters: Adapters
    monitor: Monitor
    store: Store
    surroundings: Surroundings
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def hit(self) -> tuple[str, ...]:
        return self.incident.services if self.incident else ()


Found = list[CheckResult]


def result(check: str, subject: str, ok: bool | None, text: str) -> CheckResult:
    return CheckResult(check, subject, ok, " ".join(text.split())[:TEXT_LIMIT])


async def documents(ground: Ground) -> Found:
    problems = await ground.surroundings.documents()
    if not problems:
        return [result("documents", "", True, "they can be adopted as they are")]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return [result("documents", "", False, f"{problems[0]}{more}")]


async def adapters(ground: Ground) -> Found:
    """Each adapter that is named exists, as a probe or with the verbs it is named for."""
    probes, verbs = _named(ground.policy)
    broken = ground.adapters.unavailable()
    found = []
    for name in sorted({*probes, *verbs}):
        wanted = verbs.get(name, set())
        lacks = [] if name not in probes or ground.adapters.probe(name) else ["it is no probe"]
        actuator = ground.adapters.actuator(name)
        if wanted and actuator is None:
            lacks.append("it is no actuator")
        elif actuator is not None:
            lacks += [f"no verb {verb}" for verb in sorted(wanted) if not actuator.info.verb(verb)]
        parts = (["probe"] if name in probes else []) + sorted(wanted)
        fine = f"installed: {', '.join(parts)}"
        text = broken.get(name) or ", ".join(lacks) or fine
        found.append(result("adapters", name, not lacks, text))
    return found or [result("adapters", "", True, "the documents name none")]


def _named(policy: Policy) -> tuple[set[str], dict[str, set[str]]]:
    """Adapters named as probes, and the verbs named of each actuator."""
    fleet, roster = policy.fleet, policy.roster
    verify = (spec for one in fleet.services for spec in one.verify.values())
    probes = {spec.adapter for spec in (*fleet.probes(), *verify)}
    probes |= {gauge.probe.adapter for gauge in fleet.meters}
    verbs: dict[str, set[str]] = {}
    for service in fleet.services:
        for spec in (*service.actions.values(), *service.diagnose.values()):
            if spec.verb != "measure":
                verbs.setdefault(spec.adapter, set()).add(spec.verb)
    for channel in roster.channels:
        verbs.setdefault(channel.adapter, set()).add("post")
    for agent in roster.agents:
        verbs.setdefault(agent.adapter, set()).update(AGENT_VERBS)
    return probes, verbs


async def probes(ground: Ground) -> Found:
    """Each probe is measured once. That it says "bad" is an answer; that it says nothing is none."""

    async def measure(name: str, spec: ProbeSpec) -> CheckResult:
        async with ground.places:
            sample, _ = await ground.monitor.look(spec)
        says = {True: "good: ", False: "answers, and what it says is bad: ", None: ""}[sample.good]
        return result("probes", name, sample.good is not None, f"{says}{sample.text}")

    looks = [measure(name, spec) for name, spec in _probes_of(ground.policy)]
    if not looks:
        return [result("probes", "", False, "there is none, so nothing can be proven")]
    return list(await asyncio.gather(*looks))


def _probes_of(policy: Policy) -> Iterator[tuple[str, ProbeSpec]]:
    """Every probe that can be measured now; a proof of a release needs to know which."""
    for service in policy.fleet.services:
        for spec in service.probes:
            yield spec.name, spec
        for purpose, spec in service.verify.items():
            if "{release}" not in str(spec.options):
                yield f"{service.name} {purpose}", spec
    for gauge in policy.fleet.meters:
        yield gauge.probe.name, gauge.probe


async def channels(ground: Ground) -> Found:
    id = ground.incident.id if ground.incident else NO_INCIDENT
    looks = [
        _verified(ground, "channels", one.name, one.adapter, for_incident(one.options, id))
        for one in ground.policy.roster.channels
    ]
    if not looks:
        return [result("channels", "", False, "there is none, so nobody can be told")]
    return list(await asyncio.gather(*looks))


async def agents(ground: Ground) -> Found:
    looks = [
        _verified(ground, "agents", one.id, one.adapter, dict(one.options))
        for one in ground.world.agents.values()
    ]
    return list(await asyncio.gather(*looks)) or [result("agents", "", True, "none is registered")]


async def _verified(
    ground: Ground, check: str, subject: str, adapter: str, options: dict[str, Any]
) -> CheckResult:
    """What an adapter can see of its target without disturbing it. Whatever it does wrong means unknown."""
    actuator = ground.adapters.actuator(adapter)
    if actuator is None:
        return result(check, subject, False, f"there is no adapter {adapter}")
    if not isinstance(actuator, Verifiable):
        return result(check, subject, None, f"{adapter} cannot look without doing something")
    try:
        async with ground.places, asyncio.timeout((REACH_MS + 1_000) / 1000):
            seen = await actuator.verify(options, REACH_MS)
        ok = {Ending.DONE: True, Ending.FAILED: False}.get(seen.ending)
        return result(check, subject, ok, seen.because or seen.ending.value)
    except TimeoutError:
        return result(check, subject, None, f"no answer within {words(REACH_MS)}")
    except Exception as error:  # noqa: BLE001  (the edge to adapters, as in the monitor)
        return result(check, subject, None, f"{adapter} raised {type(error).__name__}: {error}")


async def monitoring(ground: Ground) -> Found:
    fleet = ground.policy.fleet
    if not fleet.probes():
        return [result("monitoring", "", False, "there is no probe, so nothing is watched")]
    looked = ground.monitor.looked_at
    if looked is None or looked.boot != ground.now.boot:
        return [result("monitoring", "", False, "it has not looked yet")]
    ago = ground.now.monotonic_ms - looked.monotonic_ms
    fresh = ago <= 2 * fleet.monitor.interval_ms
    text = f"looked {words(ago)} ago, every {words(fleet.monitor.interval_ms)} is wanted"
    return [result("monitoring", "", fresh, text)]


async def team(ground: Ground) -> Found:
    """In an incident the roles are filled; before one, somebody could fill them. All can be reached."""
    people = {one.id: one for one in ground.policy.roster.people}
    found, needed = [], set[str]()
    for role in ground.policy.protocol.roles:
        able = [one.id for one in people.values() if role.name in one.roles and not one.away]
        held = ground.incident.roles.get(role.name, "") if ground.incident else ""
        holders = [held] if held else able
        needed |= set(holders)
        if not role.fill:
            continue
        if ground.incident is not None and not held:
            found.append(result("team", role.name, False, "nobody holds it"))
        elif not holders:
            found.append(result("team", role.name, False, "nobody on the roster can hold it"))
        else:
            found.append(result("team", role.name, True, f"held by {held}" if held else _few(able)))
    needed |= {one.id for one in people.values() if one.owner}
    return found + [_reachable(people[id]) for id in sorted(needed & people.keys())]


def _few(names: list[str]) -> str:
    return f"could be held by {', '.join(names[:5])}"


def _reachable(person: Person) -> CheckResult:
    if not person.channels:
        return result("team", person.id, False, "no channel: only the console tells them")
    return result("team", person.id, True, f"reached over {', '.join(person.channels)}")


async def history(ground: Ground) -> Found:
    """Looked up is what counts; what is private stays out of what everybody may read."""
    since = ground.now.utc - YEAR
    mine = ground.incident
    known = [
        one
        for one in ground.world.incidents.values()
        if one.declared_at >= since and not one.private and (mine is None or one.id != mine.id)
    ]
    if mine is None:
        return [result("history", "", True, f"{len(known)} incidents in the last twelve months")]
    alike = [
        one.id
        for one in known
        if set(one.services) & set(mine.services) or (mine.kind and one.kind == mine.kind)
    ]
    text = f"similar: {', '.join(alike[-20:])}" if alike else "none was similar"
    return [result("history", "", True, f"{text}, of {len(known)} in the last twelve months")]


async def dependencies(ground: Ground) -> Found:
    """What the services that are hit need, and is not hit itself, by the newest samples."""
    outside = [one for one in _needed(ground) if one.name not in ground.hit]
    if not outside:
        return [result("dependencies", "", True, "nothing that is hit depends on anything else")]
    return [_healthy(ground, one) for one in outside]


def _needed(ground: Ground) -> list[Service]:
    """Over however many steps."""
    fleet = ground.policy.fleet
    left, seen = list(ground.hit), dict[str, Service]()
    while left:
        service = fleet.service(left.pop())
        for edge in service.depends if service else ():
            needed = fleet.service(edge.to)
            if needed is not None and needed.name not in seen:
                seen[needed.name] = needed
                left.append(needed.name)
    return list(seen.values())


def _healthy(ground: Ground, service: Service) -> CheckResult:
    watches = [ground.monitor.watches.get(spec.name) for spec in service.probes]
    samples = [watch.last for watch in watches if watch is not None and watch.last is not None]
    bad = next((one for one in samples if one.good is False), None)
    if bad is not None:
        return result("dependencies", service.name, False, f"{bad.probe}: {bad.text}")
    if not samples or len(samples) < len(watches) or any(one.good is None for one in samples):
        return result("dependencies", service.name, None, "nobody has seen it well just now")
    return result("dependencies", service.name, True, samples[0].text or "good")


async def capacity(ground: Ground) -> Found:
    host = await ground.surroundings.capacity()
    disk, memory = (
        _percent(host.disk_free, host.disk_total),
        _percent(host.memory_available, host.memory_total),
    )
    roomy = disk > LEAST_SHARE_PERCENT and host.disk_free > LEAST_FREE_DISK
    return [
        result("capacity", "disk", roomy, f"{disk}% free, {host.disk_free // 1_000_000} MB"),
        result("capacity", "memory", memory > LEAST_SHARE_PERCENT, f"{memory}% available"),
    ]


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole > 0 else 0


async def credentials(ground: Ground) -> Found:
    """Files with secrets that options name can be read; nobody is left with expired tokens alone."""
    found = []
    for path in sorted(_secrets_of(ground.policy)):
        fault = await ground.surroundings.secret(path)
        found.append(result("credentials", path, not fault, fault or "can be read"))
    live: dict[str, bool] = {}
    for row in ground.store.tokens():
        lasts = row.expires_at is None or row.expires_at > ground.now.utc
        live[row.principal] = live.get(row.principal, False) or lasts
    for principal, lasts in sorted(live.items()):
        text = "has a token" if lasts else "every token has expired"
        found.append(result("credentials", principal, lasts, text))
    return found or [result("credentials", "", True, "no secret and no token is in use")]


def _secrets_of(policy: Policy) -> set[str]:
    fleet, roster = policy.fleet, policy.roster
    specs: list[Any] = [*fleet.probes(), *(gauge.probe for gauge in fleet.meters)]
    specs += [*roster.channels, *roster.agents]
    for one in fleet.services:
        specs += [*one.verify.values(), *one.actions.values(), *one.diagnose.values()]
    return {path for spec in specs for path in _paths(spec.options)}


def _paths(options: Mapping[str, Any]) -> Iterable[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _paths(value)
        elif name in SECRETS and isinstance(value, str) and value:
            yield value


async def understood(ground: Ground) -> Found:
    """Whoever may have to act by the protocol has confirmed, for themselves, that they know it."""
    policy, now = ground.policy, ground.now.utc
    if not policy.protocol.preflight.understood_days:
        return [result("understood", "", True, "the protocol asks nobody to confirm it")]
    found = everybody(policy, ground.world.confirmations, now)
    if not found:
        return [result("understood", "", False, "nobody is there who could confirm it")]
    return [_understood(one, policy, now) for one in found]


def _understood(one: Understanding, policy: Policy, now: datetime) -> CheckResult:
    text = understanding_words(one, policy, now)
    if one.state == CONFIRMED:
        return result("understood", one.person.id, True, text)
    return result("understood", one.person.id, False, f"{text} (allstop protocol confirm)")


MADE: dict[str, Callable[[Ground], Awaitable[Found]]] = {
    "documents": documents,
    "adapters": adapters,
    "probes": probes,
    "channels": channels,
    "monitoring": monitoring,
    "agents": agents,
    "team": team,
    "history": history,
    "dependencies": dependencies,
    "capacity": capacity,
    "credentials": credentials,
    "understood": understood,
}
