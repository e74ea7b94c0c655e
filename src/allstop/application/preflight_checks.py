"""The checks of a preflight, each made for real: what cannot be seen is unknown, never fine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from allstop.application import preflight_fleet as fleet_checks
from allstop.application.preflight_fleet import secrets_in
from allstop.application.preflight_ground import Found, Ground, result
from allstop.domain.confirmations import CONFIRMED, Understanding, everybody, understanding_words
from allstop.domain.effects import Ending
from allstop.domain.fleet_graph import dependents
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.moment import between, words
from allstop.domain.policy import ActionSpec, Drill, Person, Policy, Service

YEAR = timedelta(days=365)
LEAST_FREE_DISK = 500_000_000
LEAST_SHARE_PERCENT = 5
DAY_MS = 86_400_000
# An incident that was declared with `drill:ID` as its trigger was this drill.
DRILL = "drill"
# Options by these names hold the path of a file with a secret.
SECRETS = ("secret_file", "token_file", "password_file", "key_file", "credentials_file")


async def documents(ground: Ground) -> Found:
    problems = await ground.surroundings.documents()
    if not problems:
        return [result("documents", "", True, "they can be adopted as they are")]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return [result("documents", "", False, f"{problems[0]}{more}")]


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
    left, seen = list(ground.services or ground.hit), dict[str, Service]()
    while left:
        service = fleet.service(left.pop())
        for edge in service.depends if service else ():
            needed = fleet.service(edge.to)
            if needed is not None and needed.name not in seen:
                seen[needed.name] = needed
                left.append(needed.name)
    return list(seen.values())


def _healthy(ground: Ground, service: Service) -> CheckResult:
    concerns = (service.name, *_needers(ground, service.name))
    watches = [ground.monitor.watches.get(spec.name) for spec in service.probes]
    samples = [watch.last for watch in watches if watch is not None and watch.last is not None]
    bad = next((one for one in samples if one.good is False), None)
    if bad is not None:
        text = f"{bad.probe}: {bad.text}"
        return result("dependencies", service.name, False, text, concerns=concerns)
    if not samples or len(samples) < len(watches) or any(one.good is None for one in samples):
        text = "nobody has seen it well just now"
        return result("dependencies", service.name, None, text, concerns=concerns)
    return result("dependencies", service.name, True, samples[0].text or "good", concerns=concerns)


def _needers(ground: Ground, name: str) -> Iterable[str]:
    """Those the check is about that need this one, over however many steps."""
    needing = dependents(ground.policy.fleet, (name,))
    return (one for one in ground.services or ground.hit if one in needing)


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
    """Files with secrets that options name can be read, by few, and let in whoever shows them; nobody is left
    with expired tokens alone."""
    used = _secrets_of(ground)
    jobs = {path: ("", partial(_secret, ground, path, uses)) for path, uses in sorted(used.items())}
    found = await ground.looks("credentials", jobs)
    live: dict[str, bool] = {}
    for row in ground.store.tokens() if not ground.services else ():
        lasts = row.expires_at is None or row.expires_at > ground.now.utc
        live[row.principal] = live.get(row.principal, False) or lasts
    for principal, lasts in sorted(live.items()):
        text = "has a token" if lasts else "every token has expired"
        found.append(result("credentials", principal, lasts, text))
    return found or [result("credentials", "", True, "no secret and no token is in use")]


async def _secret(ground: Ground, path: str, uses: list[tuple[str, Any]]) -> CheckResult:
    """Whether one secret is there, and is let in where an actuator can try it without acting."""
    concerns = {service for service, _ in uses}
    # What something beside the fleet needs too concerns everything.
    about = sorted(concerns) if "" not in concerns else ()
    fault = await ground.surroundings.secret(path)
    if fault:
        return result("credentials", path, False, fault, concerns=about)
    let_in = False
    for service, spec in uses:
        if not isinstance(spec, ActionSpec) or ground.world.standing_of(service).stopped:
            continue
        options = fleet_checks.complete(ground.world, service, spec.options)
        seen = await ground.tried(spec.adapter, spec.verb, options)
        if seen.ending is Ending.FAILED:
            text = f"can be read; {service}, {spec.adapter} {spec.verb}: {seen.because}"
            return result("credentials", path, False, text, concerns=about)
        let_in = let_in or seen.ending is Ending.DONE
    text = "can be read, and whoever asked for it is content" if let_in else "can be read"
    return result("credentials", path, True, text, concerns=about)


def _secrets_of(ground: Ground) -> dict[str, list[tuple[str, Any]]]:
    """Paths of secrets, each with the services and what of them uses it."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for service, spec in secrets_in(ground.policy):
        if not ground.wants(service):
            continue
        for path in _paths(spec.options):
            found.setdefault(path, []).append((service, spec))
    return found


def _paths(options: Mapping[str, Any]) -> Iterable[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _paths(value)
        elif name in SECRETS and isinstance(value, str) and value:
            yield value


async def drill(ground: Ground) -> Found:
    """When each drill of the protocol was held last. That one is due is worth knowing, and keeps nothing back."""
    rules = ground.policy.protocol.drills
    return [_drilled(ground, one) for one in rules] or [
        result("drill", "", True, "the protocol asks for none")
    ]


def _drilled(ground: Ground, rule: Drill) -> CheckResult:
    known = ground.world.incidents.values()
    held = [one.declared_at for one in known if one.trigger == f"{DRILL}:{rule.id}"]
    if not held:
        often = f", every {rule.every_days} days is wanted" if rule.every_days else ""
        return result("drill", rule.id, True, f"never held{often}")
    ago = max(0, between(max(held), ground.now.utc))
    late = rule.every_days and ago > rule.every_days * DAY_MS
    due = f", every {rule.every_days} days is wanted" if late else ""
    return result("drill", rule.id, True, f"held {words(ago)} ago{due}")


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
    "adapters": fleet_checks.adapters,
    "probes": fleet_checks.probes,
    "channels": fleet_checks.channels,
    "monitoring": monitoring,
    "agents": fleet_checks.agents,
    "team": team,
    "history": history,
    "dependencies": dependencies,
    "capacity": capacity,
    "credentials": credentials,
    "understood": understood,
    "backups": fleet_checks.backups,
    "reachable": fleet_checks.reachable,
    "drill": drill,
}
