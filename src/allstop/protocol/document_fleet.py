"""`fleet.yaml` as people write it. Descriptions here become the reference page."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allstop.protocol.scalars import Duration, Name, Options, Shape, Text


class MonitorDocument(Shape):
    """How the fleet is watched."""

    interval: Duration = Field(default=2000, description="between two rounds of probes")
    known_good_after: Duration = Field(
        default=600_000, description="how long a release must be good to count as known good"
    )


class ProbeDocument(Shape):
    """A measurement that is repeated, with its tolerance."""

    adapter: Name = Field(description="an adapter that can probe")
    timeout: Duration = Field(default=2000, description="how long one measurement may take")
    fall: int = Field(default=2, ge=1, le=100, description="bad samples in a row that make it bad")
    rise: int = Field(
        default=2, ge=1, le=100, description="good samples in a row that make it good"
    )
    options: Options = Field(description="what the adapter wants to know")


class VerifyDocument(Shape):
    """A measurement that proves the effect of an action, independently of who did it."""

    adapter: Name = Field(description="an adapter that can probe")
    timeout: Duration = Field(default=10_000, description="how long it may take")
    options: Options = Field(description="what the adapter wants to know")


class ActionDocument(Shape):
    """A verb of an adapter, with its options."""

    adapter: Name = Field(description="an adapter that can act")
    verb: Name = Field(description="one of the adapter's verbs")
    timeout: Duration = Field(default=30_000, description="how long one attempt may take")
    options: Options = Field(description="what the verb wants to know")


class ServiceDocument(Shape):
    """One service."""

    title: Text = Field(default="", description="a short name for people")
    category: Literal["revenue", "customer-facing", "internal", "analytics"] = Field(
        default="internal", description="decides what is shed first (analytics) and last (revenue)"
    )
    importance: int = Field(default=50, ge=1, le=100, description="100 is the most important")
    protected: bool = Field(default=False, description="its actions always wait for an approval")
    stateful: bool = Field(default=False, description="it holds data that a stop must not hurt")
    class_: Name | None = Field(
        default=None, alias="class", description="class of recovery objectives of the protocol"
    )
    domain: Name | None = Field(default=None, description="whose ground it is, such as payments")
    depends: dict[Name, Literal["hard", "soft", "startup"]] = Field(
        default_factory=dict,
        description="hard: broken without it; soft: degraded; startup: needed to start only",
    )
    probes: dict[Name, ProbeDocument] = Field(
        default_factory=dict, description="by name; names are unique in the fleet"
    )
    actions: dict[Literal["isolate", "reopen", "rollback", "restart"], ActionDocument] = Field(
        default_factory=dict, description="by purpose"
    )
    verify: dict[Literal["isolated", "open", "release", "recovered"], VerifyDocument] = Field(
        default_factory=dict, description="by what it proves"
    )
    diagnose: dict[Name, ActionDocument] = Field(
        default_factory=dict, description="evidence by name, with verbs that change nothing"
    )


class FunctionDocument(Shape):
    """What the business needs, watched by one probe."""

    title: Text = Field(default="", description="a short name for people")
    core: bool = Field(default=False, description="its loss counts as a core function down")
    probe: Name = Field(description="the probe that shows whether it works")
    services: list[Name] = Field(default_factory=list, description="services it runs through")


class ReadsDocument(Shape):
    """Which fact of the probe holds what; all are optional, what is absent stays unknown."""

    attempts: Name | None = Field(default=None, description="requests in the window")
    failures: Name | None = Field(default=None, description="failed requests in the window")
    lost: Name | None = Field(default=None, description="money lost in the window, a decimal")
    currency: Name | None = Field(default=None, description="its currency, such as USD")
    window_ms: Name | None = Field(default=None, description="length of the window, milliseconds")
    users: Name | None = Field(default=None, description="customers hit in the window")


class MeterDocument(Shape):
    """A probe whose facts measure impact."""

    adapter: Name = Field(description="an adapter that can probe")
    timeout: Duration = Field(default=2000, description="how long one measurement may take")
    options: Options = Field(description="what the adapter wants to know")
    reads: ReadsDocument = Field(description="which fact holds what")


class FleetDocument(Shape):
    """`fleet.yaml`."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    monitor: MonitorDocument = Field(
        default_factory=MonitorDocument, description="how it is watched"
    )
    services: dict[Name, ServiceDocument] = Field(default_factory=dict, description="by name")
    functions: dict[Name, FunctionDocument] = Field(default_factory=dict, description="by name")
    meters: dict[Name, MeterDocument] = Field(default_factory=dict, description="by name")

    def probe_names(self) -> list[str]:
        """Every probe of every service."""
        return [name for service in self.services.values() for name in service.probes]
