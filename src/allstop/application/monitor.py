"""The coordinator's own monitor: synthetic probes, thresholds, measured impact, known good releases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from allstop.application.codec import canonical, recordable
from allstop.application.command_post import CommandPost, Request
from allstop.application.masking import mask_text
from allstop.application.ports import Adapters, Clock, CrashPoints
from allstop.domain.aftercare import looks_due, watched_on
from allstop.domain.fleet_graph import covered, dependents, suspects
from allstop.domain.impact import Impact
from allstop.domain.incident.aftercare_commands import RecordAftercare
from allstop.domain.incident.commands import (
    DeclareIncident,
    MeasureImpact,
    NoteRelease,
    RecordSamples,
)
from allstop.domain.kin import services_about
from allstop.domain.moment import Now, words
from allstop.domain.money import per_hour
from allstop.domain.policy import Fleet, Meter, ProbeSpec
from allstop.domain.policy.degradation import look_ms
from allstop.domain.principal import MONITOR
from allstop.domain.samples import Sample
from allstop.errors import Refused, Unavailable

log = structlog.get_logger("allstop.monitor")

# Impact is measured again this often while an incident is open, or at once when what is down changes.
IMPACT_EVERY_MS = 10_000
# Probes end within their own time-out; this is the net below them.
SLACK_MS = 2_000
LARGEST = 2**53 - 1


@dataclass(slots=True)
class Watch:
    """What the monitor remembers about one probe. It is rebuilt by looking again, so it is not stored."""

    fails: int = 0
    passes: int = 0
    down: bool = False
    last_good_at: datetime | None = None
    last: Sample | None = None
    at: datetime | None = None


@dataclass(slots=True)
class Release:
    """Which release a service reports, and since when all its probes have been good with it."""

    name: str
    good_since_ms: int


@dataclass(slots=True)
class Round:
    """One round: samples and facts by probe, facts by meter."""

    samples: dict[str, Sample] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    meters: dict[str, dict[str, Any]] = field(default_factory=dict)


class Monitor:
    """Runs for the life of the coordinator. `watches` is what views show, `looked_at` the end of the
    last round of probes."""

    def __init__(
        self, post: CommandPost, adapters: Adapters, clock: Clock, crash: CrashPoints
    ) -> None:
        self._post = post
        self._adapters = adapters
        self._clock = clock
        self._crash = crash
        self._releases: dict[str, Release] = {}
        self._measured: dict[str, int] = {}
        self.watches: dict[str, Watch] = {}
        self.looked_at: Now | None = None
        self._waited_ms = 0

    @property
    def _fleet(self) -> Fleet:
        return self._post.book.latest.fleet

    @property
    def _interval_ms(self) -> int:
        """Between two rounds: shorter while an incident is open of which the protocol says so."""
        world, book = self._post.world, self._post.book
        wanted = [
            look_ms(book.pinned(one.policy).protocol.degradation, one.severity)
            for one in world.open_incidents()
        ]
        return min([self._fleet.monitor.interval_ms, *(one for one in wanted if one)])

    @property
    def _longest_ms(self) -> int:
        """How long a round may take: as long as the slowest probe, and the net below it."""
        return max((one.timeout_ms for one in self._fleet.probes()), default=0) + SLACK_MS

    async def run(self) -> None:
        while True:
            began = self._clock.now().monotonic_ms
            try:
                await self.tick()
            except (Refused, Unavailable) as refusal:
                # Unavailable: a full disk, which takes halts all the same.
                log.warning("monitor refused", because=refusal.text)
            spent = self._clock.now().monotonic_ms - began
            self._waited_ms = self._interval_ms
            await self._clock.sleep(max(50, self._waited_ms - spent))

    async def tick(self) -> None:
        """One round: measure, judge, record, declare."""
        began = self._clock.now().monotonic_ms
        found = await self._measure()
        now = self._clock.now()
        # A probe that hangs makes the round long, and all that while somebody watched. No longer than the
        # probes may take: else a machine that slept in the middle of it would pass for one that watched.
        looked_ms = min(now.monotonic_ms - began, self._longest_ms)
        newly_down = self._judge(found, now)
        self.looked_at = now
        samples = tuple(found.samples.values())
        for incident in self._post.world.open_incidents():
            if samples:
                self._crash.reach("monitor.samples")
                # The round that is the first of a shorter interval came after a longer one: that is no gap.
                interval = max(self._waited_ms, self._interval_ms, looked_ms)
                command = RecordSamples(incident.id, samples, interval)
                await self._post.do(command, Request(MONITOR, "round"))
            await self._measure_impact(incident.id, found, now)
        await self._watch_on(samples, found, now, looked_ms)
        await self._note_releases(found, now)
        if newly_down or self._uncovered():
            await self._declare(found, now)

    async def _watch_on(
        self, samples: tuple[Sample, ...], found: Round, now: Now, looked_ms: int
    ) -> None:
        """This round, for incidents that were stood down and whose next look is due."""
        world, book = self._post.world, self._post.book
        share = self._impact(found).failed_share_percent
        for incident in watched_on(world, book):
            if looks_due(book.pinned(incident.policy), incident, now.utc):
                self._crash.reach("monitor.samples")
                interval = max(self._fleet.monitor.interval_ms, looked_ms)
                command = RecordAftercare(incident.id, samples, share, interval)
                await self._post.do(command, Request(MONITOR, "round"))

    async def _measure(self) -> Round:
        fleet = self._fleet
        found = Round()

        async def one(spec: ProbeSpec, *, meter: bool) -> None:
            sample, facts = await self.look(spec)
            if meter:
                found.meters[spec.name] = facts if sample.good else {}
            else:
                found.samples[spec.name] = sample
                found.facts[spec.name] = facts

        async with asyncio.TaskGroup() as group:
            for spec in fleet.probes():
                group.create_task(one(spec, meter=False))
            for gauge in fleet.meters:
                group.create_task(one(gauge.probe, meter=True))
        # The order of the fleet, not of the answers: the log must not depend on who was faster.
        found.samples = {spec.name: found.samples[spec.name] for spec in fleet.probes()}
        return found

    async def look(self, spec: ProbeSpec) -> tuple[Sample, dict[str, Any]]:
        """One measurement. Whatever a probe does wrong means that it could not run: this is an edge."""
        probe = self._adapters.probe(spec.adapter)
        if probe is None:
            return Sample(spec.name, None, f"there is no probe {spec.adapter}"), {}
        try:
            async with asyncio.timeout((spec.timeout_ms + SLACK_MS) / 1000):
                sample, facts = await probe.measure(spec.name, spec.options, spec.timeout_ms)
            canonical(sample)
            sample = replace(sample, text=mask_text(sample.text)[0])
            # Amounts may come as any sort of number: they are read as text.
            return sample, {
                name: value
                for name, value in facts.items()
                if recordable(value) or isinstance(value, float | Decimal)
            }
        except TimeoutError:
            return Sample(spec.name, None, f"no answer within {spec.timeout_ms} ms"), {}
        except Exception as error:  # noqa: BLE001  (the edge to other people's probes; it says so every round)
            log.warning("probe raised", probe=spec.name, adapter=spec.adapter, error=repr(error))
            return Sample(spec.name, None, f"{spec.adapter} raised {type(error).__name__}"), {}

    def _judge(self, found: Round, now: Now) -> bool:
        """Consecutive failures and successes; returns whether a probe has just gone down."""
        newly = False
        for spec in self._fleet.probes():
            sample = found.samples.get(spec.name)
            if sample is None:  # documents were adopted meanwhile; the next round knows of it
                continue
            watch = self.watches.setdefault(spec.name, Watch())
            watch.last, watch.at = sample, now.utc
            if sample.good is None:
                continue
            if sample.good:
                watch.fails, watch.passes, watch.last_good_at = 0, watch.passes + 1, now.utc
                watch.down = watch.down and watch.passes < spec.rise
            else:
                watch.passes, watch.fails = 0, watch.fails + 1
                if watch.fails >= spec.fall and not watch.down:
                    watch.down = newly = True
        for name in set(self.watches) - set(found.samples):
            del self.watches[name]
        return newly

    def down_services(self) -> tuple[str, ...]:
        """Services with a probe that is down."""
        return tuple(
            dict.fromkeys(spec.service for spec in self._fleet.probes() if self._is_down(spec.name))
        )

    def _is_down(self, probe: str) -> bool:
        watch = self.watches.get(probe)
        return watch is not None and watch.down

    def _uncovered(self) -> tuple[str, ...]:
        """Failing services that no open incident explains."""
        world = self._post.world
        named = [name for one in world.open_incidents() for name in services_about(world, one)]
        # What a plan has stopped or closed, or is at work on, is down on purpose.
        named += world.changed_on_purpose()
        return tuple(name for name in self.down_services() if not covered(self._fleet, named, name))

    def _shaky(self, failing: tuple[str, ...]) -> tuple[str, ...]:
        """Services that `failing` ones depend on and whose latest sample was bad."""
        bad = {
            spec.service
            for spec in self._fleet.probes()
            if spec.name in self.watches and self.watches[spec.name].fails
        }
        return tuple(name for name in bad if set(failing) & dependents(self._fleet, (name,)))

    async def _declare(self, found: Round, now: Now) -> None:
        failing = self._uncovered()
        if not failing:
            return
        # What has just begun to fail may be the cause of what has failed often enough to count.
        causes = suspects(self._fleet, {*failing, *self._shaky(failing)})
        impact = self._impact(found)
        down = impact.core_functions_down + impact.functions_down
        what = ", ".join(down) if down else ", ".join(causes)
        evidence = "; ".join(
            f"{spec.name} failed {watch.fails}x: {watch.last.text if watch.last else ''}"
            for spec in self._fleet.probes()
            if (watch := self.watches.get(spec.name)) is not None and watch.down
        )
        # The wall clock may have been set back since: then nobody knows since when.
        goods = [
            watch.last_good_at
            for watch in self.watches.values()
            if watch.down and watch.last_good_at and watch.last_good_at <= now.utc
        ]
        command = DeclareIncident(
            title=f"{what} failing, {', '.join(causes)} suspected", services=causes, trigger="monitor",
            impact=impact, dedup=f"monitor:{','.join(causes)}", began_at=min(goods, default=None),
            evidence=evidence[:2000],
        )  # fmt: skip
        self._crash.reach("monitor.declare")
        result = await self._post.do(command, Request(MONITOR, "round"))
        self._measured[result["incident"]] = now.monotonic_ms

    async def _measure_impact(self, incident: str, found: Round, now: Now) -> None:
        if not self._concerns(incident):
            return
        impact = self._impact(found)
        known = self._post.world.incidents[incident].impact
        changed = set(impact.core_functions_down + impact.functions_down) != set(
            known.core_functions_down + known.functions_down
        )
        last = self._measured.get(incident, -IMPACT_EVERY_MS)
        if known.measured(impact) == known or not (
            changed or now.monotonic_ms - last >= IMPACT_EVERY_MS
        ):
            return
        self._measured[incident] = now.monotonic_ms
        await self._post.do(MeasureImpact(incident, impact), Request(MONITOR, "round"))

    def _concerns(self, name: str) -> bool:
        """Whether what the monitor measures is this incident's: an outage elsewhere is not its impact."""
        world = self._post.world
        services = services_about(world, world.incidents[name])
        if not services:
            return len(world.open_incidents()) == 1
        return any(set(services) & set(function.services) for function in self._fleet.functions)

    def _impact(self, found: Round) -> Impact:
        """What was measured in this round; unknown stays None."""
        down = [one for one in self._fleet.functions if self._is_down(one.probe)]
        attempts = failures = 0
        known, users, lost = False, None, None
        for gauge in self._fleet.meters:
            facts = found.meters.get(gauge.probe.name, {})
            tried, failed = _count(facts, gauge.attempts), _count(facts, gauge.failures)
            if tried is not None and failed is not None:
                known, attempts, failures = True, attempts + tried, failures + failed
            users = users if (hit := _count(facts, gauge.users)) is None else (users or 0) + hit
            lost = _loss(facts, gauge) or lost
        return Impact(
            core_functions_down=tuple(one.title for one in down if one.core),
            functions_down=tuple(one.title for one in down if not one.core),
            failed_share_percent=min(100, round(100 * failures / attempts))
            if known and attempts
            else None,
            lost_per_hour=lost,
            users=None if users is None else min(users, LARGEST),
        )

    async def _note_releases(self, found: Round, now: Now) -> None:
        """A release all of whose probes stay good for long enough is one to go back to."""
        for service in self._fleet.services:
            reported = [found.facts.get(spec.name, {}).get("release") for spec in service.probes]
            names = {name for name in reported if isinstance(name, str) and name}
            good = bool(service.probes) and all(
                spec.name in found.samples and found.samples[spec.name].good
                for spec in service.probes
            )
            if not good or len(names) != 1:
                self._releases.pop(service.name, None)
                continue
            name = names.pop()
            seen = self._releases.get(service.name)
            if seen is None or seen.name != name:
                self._releases[service.name] = Release(name, now.monotonic_ms)
                continue
            good_for = now.monotonic_ms - seen.good_since_ms
            known = self._post.world.known_good.get(service.name)
            if good_for >= self._fleet.monitor.known_good_ms and (
                known is None or known.release != name
            ):
                await self._post.do(
                    NoteRelease(service.name, name, good_for), Request(MONITOR, "round")
                )
                log.info(
                    "release known good",
                    service=service.name,
                    release=name,
                    good_for=words(good_for),
                )


def _count(facts: Mapping[str, Any], name: str) -> int | None:
    value = facts.get(name) if name else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if value >= 0 else None


def _loss(facts: Mapping[str, Any], gauge: Meter) -> Any:
    """The loss scaled to an hour, when the meter says all it takes."""
    amount, currency = facts.get(gauge.lost), facts.get(gauge.currency)
    window = _count(facts, gauge.window_ms)
    if amount is None or not isinstance(currency, str) or not window:
        return None
    try:
        return per_hour(str(amount), currency, window) if Decimal(str(amount)).is_finite() else None
    except ArithmeticError:  # no number, or one beyond all precision
        return None
