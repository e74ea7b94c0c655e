"""Hosts: enrolled by people, told by numbers, and believed about their own agents only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.effects import Purpose
from allstop.domain.halt import host_commands as c
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.incident.commands import AddNote, DeclareIncident
from allstop.domain.policy import Grant
from allstop.domain.principal import HOSTS, Kind, Principal, host_principal
from tests.domain.builders import ADA, BUILDER, EVE, MINUTE, Story, policy

WEB1, WEB2 = host_principal("web-1"), host_principal("web-2")


def codes(story: Story) -> list[str]:
    return [one.code for one in story.refused.reasons] if story.refused else []


def ground() -> Story:
    """Two hosts with an agent each, which only their host can stop."""
    rules = policy()
    authority = (*rules.protocol.authority, Grant("administer", ("owner",)))
    story = Story(replace(rules, protocol=replace(rules.protocol, authority=authority)))
    for host, agent in (("web-1", "coder-1"), ("web-2", "coder-2")):
        story.when(c.EnrolHost(host), EVE)
        command = RegisterAgent(agent, agent, "builders", "host", {}, host, f"s-{agent}")
        story.when(command, ADA)
    return story


def reach(story: Story, host: str, seq: int, *agents: str, **more: Any) -> Story:
    return story.when(c.RecordReached((c.Reach(host, seq, agents, **more),)), HOSTS)


def state(story: Story, agent: str, halt: str = "HALT-1") -> Hold:
    return story.world.halts[halt].roll[agent].state


# --- enrolling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "code"),
    [(ADA, "no-authority"), (BUILDER, "human-only"), (WEB1, "host-only"), (HOSTS, "human-only")],
)
def test_only_a_person_with_the_right_enrols(who: Principal, code: str) -> None:
    assert codes(ground().when(c.EnrolHost("db-1"), who)) == [code]


@pytest.mark.parametrize("name", ["", "a b", "../etc", "-x", "x" * 65, "web\n1", "a:b"])
def test_a_host_has_a_plain_name(name: str) -> None:
    assert codes(ground().when(c.EnrolHost(name), EVE)) == ["bad-name"]


def test_a_host_that_is_enrolled_again_begins_anew() -> None:
    story = reach(ground(), "web-1", 7).when(c.EnrolHost("web-1"), EVE)
    assert story.world.hosts["web-1"].seq == 0


def test_a_host_may_report_and_nothing_else() -> None:
    story = ground()
    for command in (
        DeclareIncident("x", ("payments",), "manual"), OrderHalt("all", "x"), AddNote("INC-1", "x"),
        RegisterAgent("coder-1", "x", "builders", "script"), ReleaseHalt("HALT-1", "x"),
    ):  # fmt: skip
        assert codes(story.when(command, WEB1)) == ["host-only"]
    assert Principal("prometheus", Kind.SOURCE).host == ""


# --- reaching ------------------------------------------------------------------------------------


def test_many_hosts_that_reach_a_number_are_one_entry() -> None:
    story = ground()
    both = tuple(c.Reach(host, 9) for host in ("web-1", "web-2"))
    before = len(story.records)
    story.when(c.RecordReached(both), HOSTS)
    assert [record.kind for record in story.records[before:]] == ["host.reached"]
    assert {host.seq for host in story.world.hosts.values()} == {9}


def test_a_sign_of_life_without_news_is_not_recorded() -> None:
    story = reach(ground(), "web-1", 9)
    before = len(story.records)
    for seq in (9, 8, 0):
        reach(story, "web-1", seq)
    reach(story, "nobody", 9)
    assert len(story.records) == before


def test_nobody_but_the_coordinator_says_who_reached_what() -> None:
    story = ground()
    for who in (ADA, WEB1):
        story.when(c.RecordReached((c.Reach("web-1", 9),)), who)
        assert codes(story) in (["internal"], ["host-only"])


def test_a_silent_host_is_lost_once_and_found_again_by_its_next_word() -> None:
    story = reach(ground(), "web-1", 9).when(c.LoseHost("web-1", MINUTE), HOSTS)
    before = len(story.records)
    story.when(c.LoseHost("web-1", 2 * MINUTE), HOSTS)
    assert len(story.records) == before
    assert story.world.hosts["web-1"].lost_at is not None
    reach(story, "web-1", 9)
    assert story.world.hosts["web-1"].lost_at is None


# --- what it says of agents --------------------------------------------------------------------


def test_an_agent_is_told_when_its_host_holds_the_order() -> None:
    """Given an agent that only its host reaches, no adapter of ours is asked to tell it."""
    story = ground().when(OrderHalt("all", "stop"))
    assert [one for one in story.effects if one.lane.value == "halt"] == []
    assert state(story, "coder-1") is Hold.ORDERED
    reach(story, "web-1", 9, "coder-1", halts=("HALT-1",))
    assert (state(story, "coder-1"), state(story, "coder-2")) == (Hold.TOLD, Hold.ORDERED)


def test_an_order_from_before_the_halt_tells_nobody() -> None:
    story = ground().when(OrderHalt("all", "stop"))
    reach(story, "web-1", 5, "coder-1", halts=())
    assert state(story, "coder-1") is Hold.ORDERED


def test_a_host_is_believed_about_its_own_agents_only() -> None:
    story = ground().when(OrderHalt("all", "stop")).wait(6 * MINUTE)
    reach(story, "web-1", 9, "coder-2", "builder-1", "ghost", halts=("HALT-1", "HALT-9"))
    frozen = (c.FrozenAgent("coder-2", 3, "cgroup frozen"), c.FrozenAgent("ghost", 1, "gone"))
    story.when(c.ReportHost("web-1", frozen=frozen), WEB1)
    assert state(story, "coder-2") is Hold.UNACCOUNTED


def test_a_host_reports_for_itself() -> None:
    story = ground()
    assert codes(story.when(c.ReportHost("web-2"), WEB1)) == ["not-yours"]
    assert codes(story.when(c.ReportHost("web-1"), ADA)) == ["not-yours"]
    assert codes(story.when(c.ReportHost("db-9"), host_principal("db-9"))) == ["unknown-host"]


def test_a_freeze_that_was_read_back_counts_and_only_then_all_have_stopped() -> None:
    story = ground().when(OrderHalt("agent:coder-1", "stop")).wait(6 * MINUTE)
    assert state(story, "coder-1") is Hold.UNACCOUNTED
    assert not [one for one in story.effects if one.purpose is Purpose.FREEZE]
    frozen = (c.FrozenAgent("coder-1", 3, "cgroup.events says frozen 1"),)
    story.when(c.ReportHost("web-1", frozen=frozen), WEB1)
    assert state(story, "coder-1") is Hold.ENFORCED
    assert story.world.halts["HALT-1"].settled_at is not None
    assert "3 processes frozen on web-1" in story.world.halts["HALT-1"].roll["coder-1"].evidence


def test_a_freeze_nobody_asked_for_changes_nothing() -> None:
    """An agent that was only told has not been asked for long enough."""
    story = ground().when(OrderHalt("all", "stop"))
    story.when(c.ReportHost("web-1", frozen=(c.FrozenAgent("coder-1", 1, "frozen"),)), WEB1)
    assert state(story, "coder-1") is Hold.ORDERED


@pytest.mark.parametrize(("agrees", "then"), [(True, Hold.CONFIRMED), (False, Hold.CONTRADICTED)])
def test_an_answer_is_compared_with_what_the_host_sees(agrees: bool, then: Hold) -> None:
    story = ground().when(OrderHalt("all", "stop"))
    story.when(AnswerRollCall("coder-1", "HALT-1", "stopped", checkpoint="abc1234"), ADA)
    seen = (c.CheckedAgent("coder-1", "HALT-1", agrees, "abc1234 is HEAD, work tree clean"),)
    story.when(c.ReportHost("web-1", checked=seen), WEB1)
    assert state(story, "coder-1") is then


def test_an_answer_cannot_be_confirmed_before_it_is_given() -> None:
    story = ground().when(OrderHalt("all", "stop"))
    seen = (c.CheckedAgent("coder-1", "HALT-1", True, "fine"),)
    story.when(c.ReportHost("web-1", checked=seen), WEB1)
    assert state(story, "coder-1") is Hold.ORDERED


def test_an_agent_may_go_on_when_its_host_holds_the_release() -> None:
    story = ground().when(OrderHalt("all", "stop")).when(OrderHalt("agent:coder-2", "odd"))
    story.when(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert state(story, "coder-1") is Hold.RELEASED
    for host, agent in (("web-1", "coder-1"), ("web-2", "coder-2")):
        reach(story, host, 20, agent, halts=("HALT-2",), ended=("HALT-1",))
    assert state(story, "coder-1") is Hold.RESUMED
    assert state(story, "coder-2") is Hold.RELEASED


# --- refusals ----------------------------------------------------------------------------------


def test_a_refusal_is_recorded_once_and_cut_short() -> None:
    story = ground()
    again = tuple(c.RefusedOrder(9, "forged", "x" * 9000) for _ in range(3))
    for _ in range(2):
        story.when(c.ReportHost("web-1", refused=again), WEB1)
    (refused,) = story.world.hosts["web-1"].refused
    assert (refused.seq, refused.code, len(refused.because)) == (9, "forged", 500)


def test_a_host_out_of_its_senses_fills_no_log() -> None:
    story = ground()
    before = len(story.records)
    flood = tuple(c.RefusedOrder(seq, "forged", "x") for seq in range(1000))
    for _ in range(3):
        story.when(c.ReportHost("web-1", refused=flood), WEB1)
    assert len(story.records) - before == 16
    story.wait(11 * MINUTE).when(c.ReportHost("web-1", refused=flood[-1:]), WEB1)
    assert len(story.records) - before == 17
