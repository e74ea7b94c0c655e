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


ActionName = Literal[
    "isolate", "reopen", "quiesce", "unquiesce", "drain", "undrain", "fence", "unfence", "flush",
    "snapshot", "verify-snapshot", "stop", "kill", "start", "restart", "rollback", "fix", "push",
    "branch", "test", "deploy", "restore", "scale",
]  # fmt: skip
ProofName = Literal[
    "isolated", "open", "quiesced", "unquiesced", "drained", "undrained", "fenced", "unfenced",
    "flushed", "snapshot", "verify-snapshot", "stopped", "started", "restarted", "release",
    "restored", "scaled", "recovered", "pushed", "branched", "tested", "deployed", "quiet",
]  # fmt: skip


class LeverDocument(Shape):
    """One way for a service to do with less, and the way back."""

    title: Text = Field(description="what it means for people, in a few words")
    level: Literal["minor", "major", "critical"] = Field(
        description="from which degree of degradation on it is pulled"
    )
    limit: Text = Field(description="what it may cost at most, such as `60 % of capacity`")
    expires: Duration = Field(description="when it is taken back at the latest, unless prolonged")
    pull: ActionDocument = Field(description="what pulls it")
    release: ActionDocument = Field(description="what takes it back")
    pulled: VerifyDocument | None = Field(default=None, description="proves that it is pulled")
    released: VerifyDocument | None = Field(
        default=None, description="proves that it is taken back"
    )


class BreakerDocument(Shape):
    """What a service does with less while another one fails, or it itself: by itself, and back."""

    fallback: Name = Field(description="the lever of this service that is pulled then")
    failures: int = Field(
        default=5, ge=1, le=1000, description="bad samples in a row of one of its probes"
    )
    retry_after: Duration = Field(
        default=300_000,
        description="how long the lever stays before its samples are looked at again",
    )
    trials: int = Field(
        default=3, ge=1, le=1000, description="rounds of good samples that take the lever back"
    )


class CircuitsDocument(Shape):
    """When calls to a service that keeps failing are kept back, by service and adapter."""

    failures: int = Field(default=5, ge=1, le=1000, description="failed calls in a row")
    retry_after: Duration = Field(default=300_000, description="until one is tried again")
    trials: int = Field(default=1, ge=1, le=100, description="calls that must go well to close it")
    trial_within: Duration = Field(
        default=30_000, description="how long a trial may take; a longer timeout of its call counts"
    )


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
    actions: dict[ActionName, ActionDocument] = Field(
        default_factory=dict, description="by purpose"
    )
    verify: dict[ProofName, VerifyDocument] = Field(
        default_factory=dict, description="by what it proves"
    )
    diagnose: dict[Name, ActionDocument] = Field(
        default_factory=dict, description="evidence by name, with verbs that change nothing"
    )
    host: Name | None = Field(default=None, description="where it runs; limits count by host")
    zone: Name | None = Field(default=None, description="which zone; limits count by zone")
    on_failure: Literal["force", "isolate", "hold", "abort", "continue"] | None = Field(
        default=None,
        description="when a stop of it fails: by default, protected ones hold, stateful ones are isolated, others forced",
    )
    rto: Duration | None = Field(
        default=None, description="how long it may be down, above what its class says"
    )
    rpo: Duration | None = Field(
        default=None, description="how much data, in time, may be lost, above what its class says"
    )
    takes: dict[ActionName, Duration] = Field(
        default_factory=dict, description="how long an action takes, until more is known"
    )
    stage: Name | None = Field(
        default=None, description="the stage of a recovery it returns in, else by its category"
    )
    levers: dict[Name, LeverDocument] = Field(
        default_factory=dict, description="ways to do with less, by name"
    )
    breakers: dict[Name, BreakerDocument] = Field(
        default_factory=dict,
        description="what to do with less while another service fails, by that service's name",
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


class SetDocument(Shape):
    """Services of which some must stay up, such as the replicas of one database."""

    title: Text = Field(default="", description="a short name for people")
    members: list[Name] = Field(min_length=1, description="services")
    alive: int = Field(default=1, ge=1, description="how many must stay up at least")


class LimitsDocument(Shape):
    """How much may happen at once; 0 stands for no limit."""

    together: int = Field(default=32, ge=0, le=10_000, description="steps under way, in all")
    per_host: int = Field(default=8, ge=0, le=10_000, description="steps under way on one host")
    per_zone: int = Field(default=0, ge=0, le=10_000, description="steps under way in one zone")
    per_adapter: dict[Name, int] = Field(
        default_factory=dict, description="steps under way through one adapter, by its name"
    )
    failures: int = Field(
        default=0, ge=0, le=10_000, description="nodes that may fail before everything waits"
    )
    share_percent: int = Field(
        default=20, ge=1, le=100, description="of the fleet, above it a person must agree"
    )
    approval_holds: Duration = Field(
        default=900_000, description="how long an approval of a plan holds"
    )
    backup_within: Duration = Field(
        default=86_400_000, description="how old a proven backup may be"
    )


class StageDocument(Shape):
    """One stage of a recovery; its gate must pass before the next begins."""

    title: Text = Field(default="", description="a short name for people")
    categories: list[Literal["revenue", "customer-facing", "internal", "analytics"]] = Field(
        default_factory=list, description="whose services it brings back, where none says its own"
    )
    probes: list[Name] = Field(
        default_factory=list, description="probes that must be good beside those of its services"
    )


class CoordinatorDocument(Shape):
    """What the coordinator itself stands on."""

    needs: list[Name] = Field(
        default_factory=list, description="services it cannot do without; never stopped unnamed"
    )


class FleetDocument(Shape):
    """`fleet.yaml`."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    monitor: MonitorDocument = Field(
        default_factory=MonitorDocument, description="how it is watched"
    )
    services: dict[Name, ServiceDocument] = Field(default_factory=dict, description="by name")
    functions: dict[Name, FunctionDocument] = Field(default_factory=dict, description="by name")
    meters: dict[Name, MeterDocument] = Field(default_factory=dict, description="by name")
    sets: dict[Name, SetDocument] = Field(
        default_factory=dict, description="of which some must stay up, by name"
    )
    limits: LimitsDocument = Field(
        default_factory=LimitsDocument, description="how much may happen at once"
    )
    stages: dict[Name, StageDocument] = Field(
        default_factory=dict, description="of a recovery, by name, in their order"
    )
    isolation: list[Name] = Field(
        default_factory=list,
        description="domains or services, in the order they are cut off; the rest comes last; when absent, the domains payments, authentication, core-data, integrations, analytics",
    )
    circuits: CircuitsDocument = Field(
        default_factory=CircuitsDocument,
        description="when calls to a failing service are kept back",
    )
    coordinator: CoordinatorDocument = Field(
        default_factory=CoordinatorDocument, description="what Allstop itself needs"
    )

    def probe_names(self) -> list[str]:
        """Every probe of every service."""
        return [name for service in self.services.values() for name in service.probes]
