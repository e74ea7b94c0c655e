"""Agents on hosts: a halt is enforced where they run, believed only by evidence, and lifted by people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from allstop.adapters.signing import PublicKeys, SigningKey
from allstop.application.hosts import Hosts
from allstop.application.standing_orders import StandingOrders
from allstop.domain.halt.standing_order import Accepted, Known, Refused, accept
from allstop.testing.stage import Stage
from tests.conformance.clauses import clause

WEB, ME = "web-1", "source:host:web-1"


class Machine:
    """A host that follows the standing orders of a coordinator, and runs one agent."""

    def __init__(self, stage: Stage, folder: Path, agent: str, team: str) -> None:
        self.stage, self.agent, self.known = stage, agent, Known(WEB)
        parts = stage.coordinator
        key = SigningKey(folder / "order.key")
        self.pinned = PublicKeys(key.public_path).check
        self.orders = StandingOrders(parts.post, parts.store, parts.hub, parts.clock, key)
        parts.hosts = Hosts(parts.post, self.orders, parts.access, parts.clock)
        (owner, *_) = (f"person:{one.id}" for one in stage.policy.roster.people if one.owner)
        stage.admit(ME, stage.do("hosts", owner, host=WEB)["token"])
        stage.do(
            "agents", owner, agent=agent, name=agent, team=team, adapter="host", host=WEB,
            session="session-1",
        )  # fmt: skip

    def hear(self, envelope: bytes | None = None) -> Accepted | Refused:
        """Take what the coordinator says, or what somebody else does in its name."""
        found = accept(
            self.known, envelope or self.orders.current().envelope, self.pinned, lambda *_: None,
            self.stage.time.now().utc,
        )  # fmt: skip
        if isinstance(found, Accepted):
            self.known = found.known
        return found

    def say(self, **more: object) -> None:
        """As the host itself, whose token opens nothing but this."""
        agents = [self.agent]
        self.stage.do(f"hosts/{WEB}/acks", ME, seq=self.known.seq, agents=agents, **more)


Join = Callable[[Stage, str, str], Machine]


@pytest.fixture
def join(tmp_path: Path) -> Join:
    return lambda stage, agent, team: Machine(stage, tmp_path, agent, team)


def line_of(stage: Stage, incident: str, agent: str) -> dict[str, object]:
    (halt,) = stage.show(incident)["halts"]
    found: dict[str, object] = next(one for one in halt["roll"] if one["agent"] == agent)
    return found


@clause("OR-03")
def test_a_halt_condition_reaches_the_host_at_once_and_is_enforced_there(
    orchestra: Stage, join: Join
) -> None:
    """Given an agent that answers nothing, when a condition halts all, then its host freezes it, and only what
    was read back counts as stopped."""
    host = join(orchestra, "rogue", "builders")
    incident = orchestra.declare("a breach", "source:monitoring", impact={"breach": True})
    assert isinstance(host.hear(), Accepted)
    (halt,) = host.known.halts
    assert (halt.incident, halt.scope, halt.classes) == (incident, "all", ("default",))
    host.say()
    assert line_of(orchestra, incident, "rogue")["state"] == "told"
    orchestra.wait(minutes=6)
    assert line_of(orchestra, incident, "rogue")["state"] == "unaccounted"
    assert not orchestra.show(incident)["halts"][0]["stopped"]
    host.hear()
    assert "rogue" in host.known.frozen
    frozen = {"agent": "rogue", "processes": 4, "evidence": "cgroup.events says frozen 1"}
    host.say(frozen=[frozen])
    line = line_of(orchestra, incident, "rogue")
    assert line["state"] == "enforced"
    assert "cgroup.events says frozen 1" in str(line["evidence"])
    assert orchestra.show(incident)["halts"][0]["stopped"]


@clause("OR-03")
def test_nobody_ends_a_halt_on_a_host_but_the_coordinators_own_release(
    orchestra: Stage, join: Join, tmp_path: Path
) -> None:
    host = join(orchestra, "rogue", "builders")
    early = host.orders.current().envelope
    orchestra.declare("a breach", "source:monitoring", impact={"breach": True})
    host.hear()
    forged = host.orders.current().envelope.replace(b"HALT-1", b"HALT-9")
    for envelope, code in ((early, "replayed"), (forged, "forged"), (forged[:99], "unreadable")):
        found = host.hear(envelope)
        assert isinstance(found, Refused)
        assert found.code == code
        host.say(refused=[{"seq": 1, "code": found.code, "because": found.because}])
    assert [one.id for one in host.known.halts] == ["HALT-1"]
    (line,) = orchestra.get("hosts").data
    assert [one["code"] for one in line["refused"]] == ["replayed", "forged", "unreadable"]


@clause("PT-04")
def test_an_agent_on_a_host_stops_saves_its_state_and_stands_by_on_the_board(
    patronus: Stage, join: Join
) -> None:
    host = join(patronus, "scribe", "mint")
    incident = patronus.declare(
        "it burns", "person:ada", impact={"core_functions_down": ["buying"]}
    )
    host.hear()
    host.say()
    (halt,) = patronus.show(incident)["halts"]
    patronus.do(
        "agents/scribe/roll-call", "agent:scribe", halt=halt["id"], state="stopped",
        working_on="the search page", checkpoint="abc1234", available=True,
    )  # fmt: skip
    assert line_of(patronus, incident, "scribe")["state"] == "answered"
    seen = {"agent": "scribe", "halt": halt["id"], "agrees": True, "evidence": "abc1234 is HEAD"}
    host.say(checked=[seen])
    line = line_of(patronus, incident, "scribe")
    assert (line["state"], line["checkpoint"]) == ("confirmed", "abc1234")
    assert "abc1234 is HEAD" in str(line["evidence"])
