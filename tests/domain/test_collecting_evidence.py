"""Diagnosis: services are looked at by recipes that only read; what is seen is evidence."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.effects import Purpose, done, failed
from allstop.domain.incident.commands import CollectEvidence, DeclareIncident
from allstop.domain.policy import ActionSpec, Grant, Policy, ProbeSpec, Service
from allstop.domain.principal import Kind, Principal
from allstop.domain.recipes import MEASURE, recipes
from tests.domain.builders import ADA, BUILDER, Story, action, outage, policy, probe

SOURCE = Principal("alerts", Kind.SOURCE)


def rules(*services: Service) -> Policy:
    plain = policy()
    granted = Grant("evidence", ("person", "agent"))
    authority = (*plain.protocol.authority, granted)
    fleet = replace(plain.fleet, services=(*plain.fleet.services, *services))
    return replace(plain, protocol=replace(plain.protocol, authority=authority), fleet=fleet)


def bare(name: str) -> Service:
    return Service(
        name, name, "", 1, protected=False, stateful=False, depends=(), probes=(), actions={}, verify={},
        diagnose={},
    )  # fmt: skip


def story(*services: Service) -> Story:
    """An outage of payments, whose first evidence is in."""
    told = outage(rules(*services)).settle()
    return told.answer(done("read"), only="history").answer(done("read"), only="state")


def reasons(told: Story) -> list[str]:
    assert told.refused is not None, "it was allowed"
    return [one.code for one in told.refused.reasons]


def looked(told: Story) -> list[tuple[str, str, str]]:
    """What is asked of the world: service, adapter and verb."""
    found = [one for one in told.effects if one.purpose is Purpose.EVIDENCE]
    return [(one.target, one.adapter, one.verb) for one in found]


def test_by_default_the_services_of_the_incident_are_looked_at_whole() -> None:
    """Given an incident about payments, when somebody has it diagnosed, then every recipe payments has is
    asked for, each reads, and each answer is a piece of evidence."""
    told = story()
    told.effects.clear()
    told.when(CollectEvidence("INC-1"), ADA)
    service = told.policy.fleet.service("payments")
    assert service is not None
    names = list(recipes(service))
    assert told.result == {"looked": [f"payments/{name}" for name in names]}
    assert {"health", "recent-changes", "service-state"} <= set(names)
    assert len(looked(told)) == len(names)
    told.answer(done("as it should be", {"good": True}, "0" * 64), only="measure")
    piece = told.world.incidents["INC-1"].evidence["payments/health"]
    assert (piece.state, piece.summary, piece.sha256) == ("collected", "as it should be", "0" * 64)


def test_what_cannot_be_had_is_no_evidence_that_all_is_well() -> None:
    told = story().when(CollectEvidence("INC-1", ("payments",), ("health",)), ADA)
    told.answer(failed("no route"), only="measure")
    piece = told.world.incidents["INC-1"].evidence["payments/health"]
    assert (piece.state, piece.summary) == ("failed", "no route")


def test_other_services_and_some_recipes_only() -> None:
    told = story()
    told.effects.clear()
    told.when(CollectEvidence("INC-1", ("gateway", "payments"), ("health",)), ADA)
    assert [target for target, _, _ in looked(told)] == ["gateway", "payments"]


def test_what_is_being_looked_at_is_not_asked_for_twice() -> None:
    """Given a diagnosis under way, when another one is asked for, then nothing is done twice, and both are told what
    is being looked at; once it is in, it can be looked at again."""
    told = story()
    told.effects.clear()
    ask = CollectEvidence("INC-1", ("payments",), ("health",))
    told.when(ask, ADA).when(ask, BUILDER)
    assert told.result == {"looked": ["payments/health"]}
    assert len(looked(told)) == 1
    told.answer(done("fine"), only="measure").when(ask, ADA)
    assert told.world.incidents["INC-1"].evidence["payments/health"].state == "requested"


def test_everything_that_is_wrong_with_a_request_is_named_at_once() -> None:
    told = story(bare("printer"))
    asked = CollectEvidence("INC-1", ("paymnts", "printer", "payments"), ("helth",))
    assert reasons(told.when(asked, ADA)) == ["unknown-service", "unknown-recipe", "no-recipe"]
    assert told.refused is not None
    assert [one.hint for one in told.refused.reasons][:2] == [
        "did you mean payments?", "did you mean health?",
    ]  # fmt: skip
    assert reasons(told.when(CollectEvidence("INC-1"), SOURCE)) == ["no-authority"]


def test_an_incident_that_names_no_service_says_so() -> None:
    told = Story(rules())
    told.when(DeclareIncident("something"), ADA)
    assert reasons(told.when(CollectEvidence("INC-1"), ADA)) == ["no-service"]


def test_what_the_fleet_names_goes_before_what_follows_by_itself() -> None:
    """Given a service with recipes of its own, probes and proofs, then its own win by name, proofs that need to know
    more are left out, and a service with nothing offers nothing."""
    own = replace(action("check"), timeout_ms=7)
    proof = ProbeSpec("p", "web", "tcp", {"port": 1}, 1000, 1, 1)
    open_proof = replace(proof, options={"want": "{release}"})
    one = replace(
        bare("web"), probes=(probe("up", "web"), probe("slow", "web")), diagnose={"health": own},
        verify={"started": proof, "release": open_proof, "stopped": proof},
        recipes={"recent-changes": ActionSpec("git-release", "history", {"repo": "/r"}, 1)},
    )  # fmt: skip
    assert {name: (spec.adapter, spec.verb) for name, spec in recipes(one).items()} == {
        "health": (own.adapter, "check"), "health-slow": ("script", MEASURE), "service-state": ("tcp", MEASURE),
        "recent-changes": ("git-release", "history"),
    }  # fmt: skip
    assert recipes(bare("printer")) == {}
