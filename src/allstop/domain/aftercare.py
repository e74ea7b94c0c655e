"""Aftercare: what is watched after standing down, which look is due, and what the looks amount to.

Everything follows from the state and the clock, so a restart neither loses a look nor takes one twice;
looks that nobody took meanwhile are counted, and a watch that misses any ends inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.fleet_graph import covered
from allstop.domain.incident.aftercare_events import Look
from allstop.domain.incident.parts import Watched
from allstop.domain.incident.state import Incident
from allstop.domain.kin import services_about
from allstop.domain.moment import after, between, time_words
from allstop.domain.policy import Policy, PolicyBook, Watch
from allstop.domain.samples import Sample
from allstop.domain.world import World

# The last look has so long to be taken before its watch ends without it.
PATIENCE_MS = 60_000
STATES = frozenset({"stood-down", "closed"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A round of the monitor: samples by probe, the share of requests that fail (None: no meter says), and the
    intended distance between rounds."""

    samples: Mapping[str, Sample]
    failed_share_percent: int | None
    interval_ms: int


def watches_of(policy: Policy, incident: Incident) -> tuple[Watch, ...]:
    """The watches that an incident of this severity has after standing down."""
    every = policy.protocol.aftercare
    return tuple(one for one in every if not one.severities or incident.severity in one.severities)


def going_on(policy: Policy, incident: Incident) -> tuple[Watch, ...]:
    """Those of them that have not ended. None while the response goes on."""
    if incident.state not in STATES or incident.stood_down_at is None:
        return ()
    known = incident.aftercare
    return tuple(
        one
        for one in watches_of(policy, incident)
        if one.id not in known or not known[one.id].verdict
    )


def watched_on(world: World, book: PolicyBook) -> tuple[Incident, ...]:
    """Incidents that were stood down and are watched on."""
    return tuple(
        one
        for one in world.incidents.values()
        if one.state in STATES and going_on(book.pinned(one.policy), one)
    )


def ends_at(watch: Watch, incident: Incident) -> datetime:
    """When the time of a watch is over. Call it for incidents that were stood down."""
    assert incident.stood_down_at is not None
    return after(incident.stood_down_at, watch.lasts_ms)


def looks_wanted(watch: Watch) -> int:
    """How many looks a watch is made of; 0 for one that looks at every round."""
    return watch.lasts_ms // watch.every_ms if watch.every_ms else 0


def next_look_at(watch: Watch, incident: Incident) -> datetime | None:
    """When its next look is due; None after the last one, and for one that looks at every round."""
    number = incident.aftercare.get(watch.id, Watched()).slot + 1
    if not watch.every_ms or number > looks_wanted(watch) or incident.stood_down_at is None:
        return None
    return after(incident.stood_down_at, number * watch.every_ms)


def looks_due(policy: Policy, incident: Incident, now: datetime) -> tuple[Watch, ...]:
    """The watches that the next round is a look for."""
    return tuple(one for one in going_on(policy, incident) if _is_due(one, incident, now))


def _is_due(watch: Watch, incident: Incident, now: datetime) -> bool:
    known = incident.aftercare.get(watch.id, Watched())
    if 0 < known.run < watch.fall:
        return True  # is it really bad?
    if not watch.every_ms:
        # The first round after the end is the last look: a long round must not leave a gap before it.
        return known.at is None or known.at < ends_at(watch, incident)
    return _slot(watch, incident, now) > known.slot


def _slot(watch: Watch, incident: Incident, now: datetime) -> int:
    """The number of the look whose time it is by now, from 1; 0 before the first."""
    assert incident.stood_down_at is not None
    if not watch.every_ms:
        return 0
    return min(between(incident.stood_down_at, now) // watch.every_ms, looks_wanted(watch))


def is_over(watch: Watch, incident: Incident, now: datetime) -> bool:
    """Whether its time has passed and its last look was taken, or was waited for long enough."""
    end = ends_at(watch, incident)
    if now < end:
        return False
    known = incident.aftercare.get(watch.id, Watched())
    taken = known.slot >= looks_wanted(watch)
    if not watch.every_ms:
        taken = known.at is not None and known.at >= end
    return (taken and not 0 < known.run < watch.fall) or now >= after(end, PATIENCE_MS)


def missed_by(watch: Watch, incident: Incident, now: datetime, interval_ms: int) -> int:
    """Looks that should have been taken since the last one, without the one whose time it is now."""
    known = incident.aftercare.get(watch.id, Watched())
    if watch.every_ms:
        return max(0, _slot(watch, incident, now) - known.slot - 1)
    since = known.at or incident.stood_down_at
    assert since is not None
    gap = between(since, min(now, ends_at(watch, incident)))
    # As with gates: up to two intervals are no gap.
    return gap // interval_ms - 1 if gap > 2 * interval_ms else 0


def missed_at_end(watch: Watch, incident: Incident, interval_ms: int) -> int:
    """Looks that nobody will take any more."""
    if watch.every_ms:
        known = incident.aftercare.get(watch.id, Watched())
        return max(0, looks_wanted(watch) - known.slot)
    return missed_by(watch, incident, ends_at(watch, incident), interval_ms)


def look(
    world: World, policy: Policy, incident: Incident, watch: Watch, now: datetime, seen: Seen
) -> Look:
    """What a round is for a watch."""
    good, text = _judged(world, policy, incident, watch, seen.samples)
    if watch.failed_share_percent is not None and good is not False:
        good, text = _with_share(watch.failed_share_percent, seen.failed_share_percent, good, text)
    missed = missed_by(watch, incident, now, seen.interval_ms)
    return Look(watch.id, _slot(watch, incident, now), good, text, missed)


def _judged(
    world: World, policy: Policy, incident: Incident, watch: Watch, samples: Mapping[str, Sample]
) -> tuple[bool | None, str]:
    names = probes_of(world, policy, incident, watch)
    if not names:
        return None, "no probe watches what it was about"
    aside = _set_aside(world, policy, incident, names)
    found = [samples[name] for name in names if name in samples and name not in aside]
    bad = [f"{one.probe}: {one.text}" for one in found if one.good is False]
    if bad:
        return False, "; ".join(bad)
    lame = [f"{one.probe} could not run: {one.text}" for one in found if one.good is None]
    lame += [f"no sample of {name}" for name in names if name not in samples and name not in aside]
    lame += [f"{name} is not judged: {why}" for name, why in aside.items()]
    return (None, "; ".join(lame)) if lame else (True, f"{len(found)} of {len(found)} probes good")


def _with_share(
    most: int, share: int | None, good: bool | None, text: str
) -> tuple[bool | None, str]:
    if share is None:
        return None, f"{text}; no meter says how many requests fail"
    told = f"{text}; {share} % of the requests fail"
    return (False, f"{told}, over {most} %") if share > most else (good, told)


def probes_of(world: World, policy: Policy, incident: Incident, watch: Watch) -> tuple[str, ...]:
    """The probes that a watch is judged by, in the order of the fleet."""
    if watch.probes:
        return watch.probes
    every = tuple(policy.fleet.probes())
    about = set(services_about(world, incident))
    if watch.probes is not None or not about:
        return tuple(one.name for one in every)
    served = {one.probe for one in policy.fleet.functions if about & set(one.services)}
    return tuple(one.name for one in every if one.service in about or one.name in served)


def _set_aside(
    world: World, policy: Policy, incident: Incident, names: Iterable[str]
) -> dict[str, str]:
    """Probes that say nothing about this incident, and why: its service is off on purpose, or is what
    another incident is about, which may be private and is not named."""
    wanted, on_purpose = set(names), world.changed_on_purpose()
    others = [services_about(world, one) for one in world.open_incidents() if one.id != incident.id]
    found: dict[str, str] = {}
    for probe in policy.fleet.probes():
        if probe.name not in wanted:
            continue
        if covered(policy.fleet, on_purpose, probe.service):
            found[probe.name] = f"{probe.service} is off on purpose"
        elif any(covered(policy.fleet, services, probe.service) for services in others):
            found[probe.name] = f"something else is known to be wrong with {probe.service}"
    return found


def verdict_of(known: Watched) -> str:
    """clean | bad | inconclusive. Not to have looked is never a pass."""
    if known.failed or known.run:
        return "bad"
    return "clean" if known.good and not known.unknown and not known.missed else "inconclusive"


def looks_words(known: Watched) -> str:
    """`6 looks, all good`, `5 looks good, 1 bad, 3 not taken`."""
    if known.good and not (known.bad or known.unknown or known.missed):
        return "1 look, good" if known.good == 1 else f"{known.good} looks, all good"
    if not (known.good or known.bad or known.unknown or known.missed):
        return "no look yet"
    parts = [f"{known.good} looks good"]
    parts += [f"{known.bad} bad"] if known.bad else []
    parts += [f"{known.unknown} could not be judged"] if known.unknown else []
    parts += [f"{known.missed} not taken"] if known.missed else []
    return ", ".join(parts)


def standing(known: Watched) -> str:
    """watching | clean | bad | inconclusive. One that has failed is bad, whatever is still to come."""
    return known.verdict or ("bad" if known.failed else "watching")


def aftercare_words(policy: Policy, incident: Incident) -> str:
    """How the aftercare stands, in one sentence; empty where there is none."""
    every = watches_of(policy, incident)
    if incident.state not in STATES or not every or incident.stood_down_at is None:
        return ""
    known = [(one, incident.aftercare.get(one.id, Watched())) for one in every]
    trouble = [
        f"{one.title}: {looks_words(seen)}"
        for one, seen in known
        if seen.bad or seen.unknown or seen.missed or seen.verdict not in ("", "clean")
    ]
    on = going_on(policy, incident)
    begins = (
        f"watched on until {time_words(max(ends_at(one, incident) for one in on))}"
        if on
        else "watched to the end"
    )
    return f"{begins}; {'; '.join(trouble)}" if trouble else f"{begins}, nothing bad was seen"
