"""Safety rules: judged on the state after the whole plan, because three times "one of three" each looks legal.

Each that bites is named, all at once, with its id. An approval of the plan stands above them, on the record.
"""

from __future__ import annotations

from collections.abc import Collection

from allstop.domain.plan.events import Bite
from allstop.domain.policy import Fleet, Service
from allstop.domain.world import World

# What each rule says.
RULES: dict[str, str] = {
    "min-alive": "of a set of services, so many stay up",
    "largest-share": "one command takes at most a share of the fleet",
    "protected": "what is protected is changed only by name and with a person's approval",
    "own-dependency": "what the coordinator itself needs is not stopped along with others",
    "orphans": "nobody is left running that is broken without what is stopped",
    "data-unproven": "data is safe before its service stops: a snapshot that was proven",
    "unproven": "that a service has stopped is seen by a probe, not said by who stopped it",
    "cannot-stop": "every service of the plan can be stopped, or at least cut off",
    "no-change": "a rollback leads to something else than what runs",
    "no-way-back": "a fix that fails falls back to a release that is known to be good",
    "irreversible": "whatever a plan does can be taken back",
    "copy-too-old": "what is restored, or protects a change of data, was proven lately",
}


def bites_of_stop(
    world: World,
    fleet: Fleet,
    chosen: Collection[str],
    *,
    named: Collection[str],
    orphans: Collection[str],
    allowed: Collection[str],
) -> tuple[Bite, ...]:
    """Every rule that a stop of `chosen` runs against.

    named: targets somebody wrote out by name; orphans: services outside that are broken by it; allowed:
    those of them that may be.
    """
    services = [service for service in fleet.services if service.name in chosen]
    found = [*bites_of_sets(world, fleet, chosen), *_share(fleet, services)]
    for service in services:
        if service.protected:
            how = "by name" if service.name in named else "along with others, not by its name"
            found.append(_bite("protected", service.name, f"it is protected, and chosen {how}"))
        if service.name in fleet.own:
            found.append(_bite("own-dependency", service.name, "the coordinator needs it itself"))
        found += _of_service(service)
    left = sorted(set(orphans) - set(allowed))
    found += [
        _bite("orphans", name, "it stays up and is broken without what is stopped") for name in left
    ]
    return tuple(found)


def bites_of_undoing(
    world: World,
    fleet: Fleet,
    *,
    services: Collection[str],
    taken: Collection[str],
    hit: Collection[str],
) -> list[Bite]:
    """Every rule that an undo runs against: to take back a recovery is to stop again.

    services: of all its steps; taken: those of them that are not there afterwards; hit: who is broken by that.
    """
    gone = [service for service in fleet.services if service.name in taken]
    found = [*bites_of_sets(world, fleet, taken), *_share(fleet, gone)]
    for service in fleet.services:
        name = service.name
        if name in services and service.protected:
            found.append(_bite("protected", name, "it is protected"))
        if name in taken and name in fleet.own:
            found.append(_bite("own-dependency", name, "the coordinator needs it itself"))
        if name in taken and service.stateful:
            text = "it has data, and an undo takes no snapshot of it"
            found.append(_bite("data-unproven", name, text))
    text = "it stays up and is broken without what is taken back"
    return found + [_bite("orphans", name, text) for name in hit]


def _bite(rule: str, subject: str, text: str) -> Bite:
    return Bite(rule, subject, text)


def bites_of_sets(world: World, fleet: Fleet, chosen: Collection[str]) -> list[Bite]:
    """Sets of which too few are left there for others once `chosen` are stopped or cut off."""
    found = []
    for one in fleet.sets:
        gone = {name for name in one.members if world.standing_of(name).is_away}
        left = [name for name in one.members if name not in chosen and name not in gone]
        if len(left) < one.alive and any(name in chosen for name in one.members):
            text = f"{len(left)} of {len(one.members)} would stay up, {one.alive} must"
            found.append(_bite("min-alive", one.name, text))
    return found


def _share(fleet: Fleet, services: list[Service]) -> list[Bite]:
    most = fleet.limits.share_percent
    # One service of a small fleet is no mass stop, whatever its share.
    if len(services) <= 1 or 100 * len(services) <= most * len(fleet.services):
        return []
    share = -(-100 * len(services) // len(fleet.services))
    text = f"{len(services)} of {len(fleet.services)} services are {share} %, at most {most} % go at once"
    return [_bite("largest-share", "fleet", text)]


def _of_service(service: Service) -> list[Bite]:
    found = []
    if not {"stop", "isolate"} & service.actions.keys():
        found.append(_bite("cannot-stop", service.name, "it has neither a stop nor an isolation"))
    elif "stop" in service.actions and "stopped" not in service.verify:
        found.append(_bite("unproven", service.name, "no probe proves that it has stopped"))
    if service.stateful and not {"snapshot", "verify-snapshot"} <= service.actions.keys():
        lacking = sorted({"snapshot", "verify-snapshot"} - service.actions.keys())
        found.append(_bite("data-unproven", service.name, f"it has data, and no {lacking[0]}"))
    return found
