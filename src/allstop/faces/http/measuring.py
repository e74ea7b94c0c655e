"""Metrics: what the coordinator knows at the moment of the scrape, and counts of requests."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from allstop.application.coordinator import Coordinator
from allstop.application.ports import EffectState
from allstop.domain.breaker import Circuit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The store lists effects and does not count them: the newest ones are counted.
COUNTED_EFFECTS = 2000
COUNTED_REFUSALS = 10_000


class Measuring:
    """The registry of one face; nothing of it is global, so that two can live in one process."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Standing(coordinator))
        self._requests = Counter(
            "allstop_http_requests", "Requests by operation and status.",
            ("operation", "status"), registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "allstop_http_request_seconds", "Time to the answer, by operation; streams to their end.",
            ("operation",), registry=self._registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip

    def seen(self, operation: str, status: int, milliseconds: int) -> None:
        """Count one answer. operation must come from the table, never from the request."""
        self._requests.labels(operation, str(status)).inc()
        if operation != "events":
            self._seconds.labels(operation).observe(milliseconds / 1000)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)


class Standing(Collector):
    """Reads the coordinator when it is asked."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    def describe(self) -> list[Metric]:
        """Nothing, so that registering reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        one, store = self._coordinator, self._coordinator.store
        yield self._incidents()
        agents = Tally(agent.state for agent in one.views.agents())
        yield _by("allstop_agents", "Agents by state.", "state", agents)
        states = {state.value: 0 for state in EffectState}
        effects = Tally(states)
        effects.update(row.state.value for row in store.effects(limit=COUNTED_EFFECTS))
        text = f"Requests to the world by state, among the newest {COUNTED_EFFECTS}."
        yield _by("allstop_effects", text, "state", effects)
        single = {
            "allstop_halts_standing": ("Halts that stand.", len(one.post.world.standing_halts())),
            "allstop_log_position": ("Position of the last entry.", store.last_position()),
            "allstop_refusals_kept": (
                f"Refused commands in the list, which keeps {COUNTED_REFUSALS}.",
                len(store.refusals(COUNTED_REFUSALS)),
            ),
            "allstop_effects_in_flight": ("Calls under way.", one.runner.in_flight),
            "allstop_store_bytes": ("Size of the database.", store.size_bytes()),
        }
        if ready := one.post.world.readiness:
            text = "Whether the preflight passed when it turned last: 1 it did, 0 it did not."
            single["allstop_preflight_passed"] = (text, int(ready.passed))
        world, now = one.post.world, one.clock.now().utc
        pulled = [
            each for name in world.with_less for each in world.standing_of(name).pulled.values()
        ]
        overdue = sum(each.until is not None and each.until <= now for each in pulled)
        single["allstop_levers_pulled"] = ("Levers that are pulled.", len(pulled))
        single["allstop_levers_overdue"] = ("Levers pulled beyond their time.", overdue)
        circuits = Tally({state.value: 0 for state in Circuit})
        circuits.update(each.state.value for each in world.circuits.values())
        text = "Circuits that were ever open, by state."
        yield _by("allstop_circuits", text, "state", circuits)
        for name, (text, value) in single.items():
            yield GaugeMetricFamily(name, text, value=value)

    def _incidents(self) -> Metric:
        protocol = self._coordinator.post.book.latest.protocol
        found = Tally({rule.name: 0 for rule in protocol.severities})
        found.update(one.severity for one in self._coordinator.post.world.open_incidents())
        return _by("allstop_open_incidents", "Open incidents by severity.", "severity", found)


def _by(name: str, text: str, label: str, values: Tally[str]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
