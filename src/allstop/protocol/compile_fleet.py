"""`fleet.yaml` to the fleet of the policy."""

from __future__ import annotations

from allstop.domain.breaker import BreakerRules
from allstop.domain.policy import (
    ActionSpec,
    Dependency,
    DependencyKind,
    Fleet,
    FleetBreaker,
    FleetLimits,
    Function,
    Lever,
    Meter,
    MonitorSettings,
    OnFailure,
    ProbeSpec,
    Service,
    ServiceSet,
    Stage,
)
from allstop.protocol.compile_recipes import recipes_of
from allstop.protocol.document_fleet import (
    ActionDocument,
    CircuitsDocument,
    FleetDocument,
    LeverDocument,
    LimitsDocument,
    MeterDocument,
    ServiceDocument,
    VerifyDocument,
)
from allstop.protocol.options import copied


def compile_fleet(written: FleetDocument) -> Fleet:
    """`fleet.yaml` as the core reads it."""
    return Fleet(
        services=tuple(_service(name, service) for name, service in written.services.items()),
        functions=tuple(
            Function(name, each.title or name, each.core, each.probe, tuple(each.services))
            for name, each in written.functions.items()
        ),
        meters=tuple(_meter(name, meter) for name, meter in written.meters.items()),
        monitor=MonitorSettings(written.monitor.interval, written.monitor.known_good_after),
        sets=tuple(
            ServiceSet(name, each.title or name, tuple(each.members), each.alive)
            for name, each in written.sets.items()
        ),
        limits=_limits(written.limits),
        own=tuple(written.coordinator.needs),
        stages=tuple(
            Stage(name, each.title or name, tuple(each.categories), tuple(each.probes))
            for name, each in written.stages.items()
        ),
        isolation=tuple(written.isolation),
        circuits=_circuits(written.circuits),
        breakers=tuple(
            FleetBreaker(name, watches, each.fallback, each.failures, each.retry_after, each.trials)
            for name, service in written.services.items()
            for watches, each in service.breakers.items()
        ),
    )


def _circuits(written: CircuitsDocument) -> BreakerRules:
    return BreakerRules(
        failures=written.failures, open_ms=written.retry_after, trials=written.trials,
        trial_ms=written.trial_within,
    )  # fmt: skip


def _limits(written: LimitsDocument) -> FleetLimits:
    return FleetLimits(
        written.together, written.per_host, written.per_zone, dict(written.per_adapter),
        written.failures, written.share_percent, written.approval_holds, written.backup_within,
    )  # fmt: skip


def _service(name: str, written: ServiceDocument) -> Service:
    return Service(
        name=name,
        title=written.title or name,
        category=written.category,
        importance=written.importance,
        protected=written.protected,
        stateful=written.stateful,
        depends=tuple(Dependency(to, DependencyKind(kind)) for to, kind in written.depends.items()),
        probes=tuple(
            ProbeSpec(
                id,
                name,
                probe.adapter,
                copied(probe.options),
                probe.timeout,
                probe.fall,
                probe.rise,
            )
            for id, probe in written.probes.items()
        ),
        actions={str(purpose): _action(action) for purpose, action in written.actions.items()},
        verify={
            str(purpose): _single(f"{name}/{purpose}", name, verify)
            for purpose, verify in written.verify.items()
        },
        diagnose={id: _action(action) for id, action in written.diagnose.items()},
        service_class=written.class_ or "",
        domain=written.domain or "",
        host=written.host or "",
        zone=written.zone or "",
        on_failure=OnFailure(written.on_failure) if written.on_failure else None,
        rto_ms=written.rto,
        rpo_ms=written.rpo,
        takes_ms={str(action): took for action, took in written.takes.items()},
        stage=written.stage or "",
        levers=tuple(_lever(name, id, each) for id, each in written.levers.items()),
        recipes=recipes_of(written),
    )


def _lever(service: str, name: str, written: LeverDocument) -> Lever:
    proofs = [
        _single(f"{service}/{name}/{word}", service, one) if one else None
        for word, one in (("pulled", written.pulled), ("released", written.released))
    ]
    return Lever(
        name, written.title, written.level, _action(written.pull), _action(written.release),
        proofs[0], proofs[1], written.limit, written.expires,
    )  # fmt: skip


def _single(name: str, service: str, written: VerifyDocument | MeterDocument) -> ProbeSpec:
    """A probe whose first sample counts."""
    return ProbeSpec(name, service, written.adapter, copied(written.options), written.timeout, 1, 1)


def _action(written: ActionDocument) -> ActionSpec:
    return ActionSpec(written.adapter, written.verb, copied(written.options), written.timeout)


def _meter(name: str, written: MeterDocument) -> Meter:
    reads = written.reads
    return Meter(
        probe=_single(name, "", written),
        attempts=reads.attempts or "",
        failures=reads.failures or "",
        lost=reads.lost or "",
        currency=reads.currency or "",
        window_ms=reads.window_ms or "",
        users=reads.users or "",
    )
