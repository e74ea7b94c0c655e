"""Playbooks as plans: phases behind one another, what a fleet lacks, tasks, messages, duties, late phases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.deciding.plan_drawing import draw, drawn_hash
from allstop.domain.due import due
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.moment import Now, after
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import (
    AbortPlan,
    CheckRules,
    DrawPlan,
    MissPhase,
    PausePlan,
    RetryStep,
    SettleStep,
    StartPlan,
    WaiveStep,
)
from allstop.domain.plan.lifecycle import NodeState, PlanState, StepState
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.policy import Condition, PlaySort, PolicyBook, ProbeSpec, StopRule
from allstop.domain.principal import TIMEKEEPER, Kind, Principal
from allstop.domain.world import World, evolve
from tests.domain.builders import MINUTE
from tests.domain.fleet.fleets import service
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import (
    ADA,
    BEN,
    EVE,
    SHOP,
    START,
    book,
    isolate,
    kinds,
    miss,
    owe,
    phase,
    play,
    recover,
    settle,
    stage,
    step,
    task,
    tell,
    with_books,
)

MACHINE = Principal("builder-1", Kind.AGENT)


def preview(ground: Ground, **asked: str) -> Drawn:
    policy, incident = ground.book.latest, ground.world.incidents["INC-1"]
    wanted = Asked("playbook", playbook=asked.pop("playbook", "the-book"), **asked)  # type: ignore[arg-type]
    return draw(Setting(ground.world, policy, incident, wanted, ground.now.utc))


# --- phases ------------------------------------------------------------------------------------------


def test_a_phase_begins_when_every_step_of_the_one_before_has_ended() -> None:
    ground, plan = play(
        phase("first", 0, 2, isolate("cut", "web"), task("look")),
        phase("second", 2, 10, isolate("more", "mail")),
    )
    assert ground.truth["web"].isolated
    assert not ground.truth["mail"].isolated
    assert plan.node_at("phase:second").state is NodeState.WAITING
    plan = settle(ground, "look")
    assert ground.truth["mail"].isolated
    assert plan.state is PlanState.DONE


def test_an_early_step_waits_for_what_it_names_alone() -> None:
    ground, plan = play(
        phase("first", 0, 2, task("look"), isolate("cut", "web")),
        phase("second", 2, 10, isolate("at-once", "mail", early=True, after=("cut",)), task("later")),
    )  # fmt: skip
    assert ground.truth["mail"].isolated
    assert plan.standing("later").state is StepState.WAITING


def test_steps_of_a_phase_go_side_by_side_but_for_what_they_wait_for() -> None:
    ground, plan = play(
        phase("first", 0, 2, task("one"), task("two"), task("three", after=("one",)))
    )
    assert plan.standing("two").state is StepState.RUNNING
    assert plan.standing("three").state is StepState.WAITING
    plan = settle(ground, "one")
    assert plan.standing("three").state is StepState.RUNNING


def test_the_same_service_can_be_cut_off_first_and_brought_back_later() -> None:
    """Given a playbook that isolates and recovers one service, when it is drawn, then the second part is drawn
    for the state the first one leaves."""
    ground, plan = play(
        phase("first", 0, 2, isolate("cut", "web")),
        phase("second", 2, 10, recover("back"), recover("idle", "mail")),
    )
    assert plan.state is PlanState.DONE
    assert not ground.truth["web"].isolated
    assert ground.world.standing_of("web").is_usual
    assert "idle: mail is as usual, nothing is to be done" in plan.outlook["notes"]
    assert not any("mail" in one.service for one in plan.steps)


def test_what_is_approved_binds_to_the_phases_and_their_times() -> None:
    first = stage(with_books(book(phase("first", 0, 2, task("look")))))
    other = stage(with_books(book(phase("first", 0, 3, task("look")))))
    assert drawn_hash(preview(first)) != drawn_hash(preview(other))
    again = stage(with_books(book(phase("first", 0, 2, task("look", text="at the door")))))
    assert drawn_hash(preview(first)) != drawn_hash(preview(again))


def test_expected_times_follow_the_phases_and_name_the_one_without_enough_time() -> None:
    drawn = preview(stage(with_books(book(
        phase("first", 0, 1, isolate("cut", "web"), step("copy", PlaySort.ACTION, "snapshot", "db")),
        phase("second", 1, 2, step("again", PlaySort.ACTION, "snapshot", "db")),
    ))))  # fmt: skip
    assert drawn.outlook.whole_ms == 120_000
    assert not any("first" in note for note in drawn.outlook.notes)
    drawn = preview(stage(with_books(book(
        phase("first", 0, 1, step("copy", PlaySort.ACTION, "snapshot", "db"),
              step("prove", PlaySort.ACTION, "verify-snapshot", "db", after=("copy",))),
    ))))  # fmt: skip
    (note,) = drawn.outlook.notes
    assert (
        note == "the phase first has not time enough: 2m are expected until it ends, and it has 1m"
    )


# --- what the fleet does not offer -------------------------------------------------------------------


def test_what_a_service_does_not_offer_is_named_and_becomes_a_task() -> None:
    ground, plan = play(
        phase("first", 0, 2, step("copy", PlaySort.ACTION, "snapshot", "web", "db", role="scribe")),
        phase("second", 2, 10, isolate("cut", "mail")),
    )
    assert ground.truth["db"].snapshots == 1
    assert plan.outlook["lacking"] == ["copy: web has no snapshot, so a person does it"]
    assert plan.step("copy-by-hand").options["role"] == "scribe"  # type: ignore[union-attr]
    assert not ground.truth["mail"].isolated, "it is not taken for done"
    settle(ground, "copy-by-hand")
    assert ground.truth["mail"].isolated


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (isolate("odd", "nobody"), "there is no service nobody"),
        (isolate("odd", "role"), "no service is named as role"),
        (step("odd", PlaySort.LEVER, "less"), "no service has a lever less"),
        (step("odd", PlaySort.GATE, "", "web"), "no probe says that web is well"),
        (step("odd", PlaySort.PLAN, "degrade", level="minor"), ""),
    ],
)
def test_nothing_that_cannot_be_drawn_disappears(broken: object, said: str) -> None:
    """It is a task for the commander, and named; or it is said that there is nothing to be done."""
    ground = stage(with_books(book(phase("first", 0, 2, broken), services={"role": ()})))  # type: ignore[arg-type]
    drawn = preview(ground)
    if said:
        (line,) = drawn.outlook.lacking
        assert said in line
        assert [one.id for one in drawn.steps] == ["phase:first", "odd-by-hand"]
    else:
        (line,) = drawn.outlook.notes
        assert line.startswith("odd: ")


def test_a_playbook_may_use_every_plan_of_the_fleet_for_what_offers_it() -> None:
    """A copy is taken of what can be copied; a restore without a proven copy is asked of a person."""
    drawn = preview(stage(with_books(book(phase(
        "first", 0, 2, step("copy", PlaySort.PLAN, "snapshot", "db", "web"),
        step("back", PlaySort.PLAN, "restore", "db"), step("older", PlaySort.PLAN, "rollback", "web"),
        step("end", PlaySort.PLAN, "stop", "mail"),
    )))))  # fmt: skip
    ids = {one.id for one in drawn.steps}
    assert {"snapshot-db@copy", "stop-mail@end"} <= ids
    assert {"copy-by-hand", "back-by-hand", "older-by-hand"} <= ids
    assert "copy: web offers nothing to snapshot it, so a person does it" in drawn.outlook.lacking


def test_names_of_the_playbook_stand_for_services_of_the_fleet() -> None:
    ground, _ = play(
        phase("first", 0, 2, isolate("cut", "front", "mail")), services={"front": ("web",)}
    )
    assert ground.truth["web"].isolated
    assert ground.truth["mail"].isolated
    assert not ground.truth["db"].isolated


def test_protected_services_are_named_before_it_runs() -> None:
    fleet = replace(SHOP, services=(service("web", protected=True), *SHOP.services[1:]))
    drawn = preview(stage(with_books(book(
        phase("first", 0, 2, step("end", PlaySort.ACTION, "stop", "web"), isolate("cut", "web")),
    ), fleet=fleet)))  # fmt: skip
    assert [(one.rule, one.subject) for one in drawn.bites] == [("protected", "web")]


# --- tasks -------------------------------------------------------------------------------------------


def test_a_task_pages_whoever_holds_the_role_and_is_settled_with_what_they_saw() -> None:
    ground, plan = play(phase("first", 0, 2, task("look", text="behind the door")))
    (page,) = [
        one for one in ground.world.incidents["INC-1"].notifications.values() if "asks you" in one.subject
    ]  # fmt: skip
    assert page.to == "person:ada"
    assert "please look" in page.subject
    assert "behind the door" in page.text
    assert "allstop plan settle PLAN-1 look" in page.text
    ground.do(SettleStep("PLAN-1", "look", True, "  "), ADA)
    assert ground.refused is not None
    assert ground.refused.reasons[0].code == "no-evidence"
    plan = settle(ground, "look")
    assert plan.standing("look").evidence == "person:ada: I looked"
    assert plan.state is PlanState.DONE


def test_a_machine_cannot_say_that_a_task_is_done_and_not_everybody_can() -> None:
    ground, _ = play(phase("first", 0, 2, task("look")))
    for who, code in ((MACHINE, "human-only"), (BEN, "no-authority")):
        ground.do(SettleStep("PLAN-1", "look", True, "done"), who)
        assert ground.refused is not None
        assert ground.refused.reasons[0].code == code
    assert settle(ground, "look", who=EVE).state is PlanState.DONE


def test_whoever_was_asked_may_say_so_without_steering_the_plan() -> None:
    ground, _ = play(phase("first", 0, 2, task("look", role="person:ben")))
    assert settle(ground, "look", who=BEN).standing("look").state is StepState.DONE


def test_a_task_that_was_not_done_holds_what_comes_after_until_somebody_lets_it_go() -> None:
    ground, _ = play(
        phase("first", 0, 2, task("look")), phase("second", 2, 10, isolate("cut", "web"))
    )
    plan = settle(ground, "look", happened=False)
    assert plan.node_at("look").state is NodeState.HELD
    ground.do(RetryStep("PLAN-1", "look"), ADA)
    assert ground.world.plans["PLAN-1"].standing("look").state is StepState.RUNNING
    settle(ground, "look", happened=False)
    ground.do(WaiveStep("PLAN-1", "look", "nobody can look there"), ADA)
    plan = ground.go_on("PLAN-1")
    assert plan.node_at("look").state is NodeState.LEFT
    assert ground.truth["web"].isolated


def test_a_task_takes_no_room_of_those_who_act() -> None:
    policy = with_books(book(phase("first", 0, 2, *(task(f"t{at}") for at in range(5)), isolate("cut", "web"))))  # fmt: skip
    tight = replace(
        policy, fleet=replace(policy.fleet, limits=replace(policy.fleet.limits, together=1))
    )
    ground = stage(tight)
    ground.drawn(Asked("playbook", playbook="the-book"))
    ground.run("PLAN-1")
    assert ground.truth["web"].isolated


def test_tasks_go_on_while_the_plan_is_paused_and_start_nothing() -> None:
    ground, _ = play(
        phase("first", 0, 2, task("look")), phase("second", 2, 10, isolate("cut", "web"))
    )
    ground.do(PausePlan("PLAN-1", "a moment"), ADA)
    plan = settle(ground, "look")
    assert plan.standing("look").state is StepState.DONE
    assert plan.state is PlanState.PAUSED
    assert not ground.truth["web"].isolated


# --- what is told, and owed --------------------------------------------------------------------------


def test_an_audience_is_told_in_the_words_of_the_playbook() -> None:
    ground, plan = play(
        phase("first", 0, 2, tell("word", subject="{incident} stops", text="Halted at {now}."))
    )
    (note,) = [
        one for one in ground.world.incidents["INC-1"].notifications.values()
        if one.to == "audience:responders" and "stops" in one.subject
    ]  # fmt: skip
    assert note.subject == "INC-1: INC-1 stops"
    assert note.text == "Halted at 2026-11-21 03:00:00 UTC."
    assert plan.standing("word").evidence == "responders told over chat"


def test_nobody_told_is_not_told() -> None:
    ground, plan = play(
        phase("first", 0, 2, tell("word", "deaf"), tell("soft", "deaf", on_failure="continue")),
        phase("second", 2, 10, task("look")),
    )
    assert plan.node_at("word").state is NodeState.HELD
    assert plan.node_at("soft").state is NodeState.LEFT
    assert "word: deaf has no channel" in plan.outlook["lacking"]
    assert plan.standing("look").state is StepState.WAITING
    assert settle(ground, "nothing").standing("look").state is StepState.WAITING


def test_a_private_incident_is_told_to_nobody() -> None:
    ground = stage(with_books(book(phase("first", 0, 2, tell("word")))))
    incident = replace(ground.world.incidents["INC-1"], private=True)
    ground.world = replace(ground.world, incidents={"INC-1": incident})
    ground.drawn(Asked("playbook", playbook="the-book"))
    plan = ground.run("PLAN-1")
    assert plan.node_at("word").because == "INC-1 is private, so nobody was told"


def test_a_duty_starts_its_clock_with_the_step_and_is_owed_once() -> None:
    ground, plan = play(phase("first", 0, 2, owe("law"), task("look")))
    owed = ground.world.incidents["INC-1"].obligations["law"]
    assert owed.due_at == after(ground.records[0].at, 3 * 24 * 60 * MINUTE)
    assert owed.begins == "plan"
    assert plan.standing("law").evidence.startswith(
        "owed by the commander until 2026-11-24 03:00 UTC"
    )
    settle(ground, "look")
    ground.let_pass(60 * MINUTE)
    ground.drawn(Asked("playbook", playbook="the-book"))
    ground.do(StartPlan("PLAN-2"), EVE)
    again = ground.world.plans["PLAN-2"].standing("law").evidence
    assert again == "owed already, until 2026-11-24 03:00 UTC"
    assert kinds(ground).count("obligation.owed") == 1


# --- late phases -------------------------------------------------------------------------------------


def test_a_phase_that_is_not_done_in_time_is_said_once_to_the_commander() -> None:
    ground, _ = play(phase("first", 0, 2, task("look")), phase("second", 2, 10, task("later")))
    miss(ground, "first")
    assert "plan.phase_late" not in kinds(ground), "it is not late yet"
    ground.let_pass(2 * MINUTE)
    miss(miss(ground, "first"), "first")
    assert kinds(ground).count("plan.phase_late") == 1
    pages = [one for one in ground.world.incidents["INC-1"].notifications.values() if "is late" in one.subject]  # fmt: skip
    assert [one.to for one in pages] == ["person:ada"]
    assert "look" in pages[0].text


def test_what_is_over_is_never_called_late() -> None:
    ground, _ = play(phase("first", 0, 2, task("look")), phase("second", 2, 10, task("later")))
    settle(ground, "look")
    ground.let_pass(5 * MINUTE)
    miss(ground, "first")
    assert "plan.phase_late" not in kinds(ground)


def test_whoever_looks_at_the_clock_is_woken_for_each_phase() -> None:
    ground, _ = play(phase("first", 0, 2, task("look")), phase("second", 2, 10, task("later")))

    def found(minutes: int) -> list[object]:
        now = Now(after(START, minutes * MINUTE), minutes * MINUTE, "boot-1")
        return [
            one
            for one in due(ground.world, ground.book, now).commands
            if isinstance(one, MissPhase)
        ]

    assert found(1) == []
    assert found(2) == [MissPhase("PLAN-1", "first")]
    assert found(11) == [MissPhase("PLAN-1", "first"), MissPhase("PLAN-1", "second")]
    ground.do(PausePlan("PLAN-1", "a moment"), ADA)
    assert found(2) == [MissPhase("PLAN-1", "first")], "time goes on through a pause"
    settle(ground, "look")
    assert found(2) == []


# --- which playbook ----------------------------------------------------------------------------------


def declared_as(kind: str, *books: object) -> Ground:
    policy = with_books(*books, kinds=("breach", "outage"))  # type: ignore[arg-type]
    ground = Ground(policy.fleet)
    ground.book = PolicyBook("p1", {"p1": policy})
    ground.do(DeclareIncident("it fails", ("web",), "person:eve", kind=kind), EVE)
    return ground


def test_without_a_name_it_is_the_playbook_of_the_kind() -> None:
    one = book(phase("first", 0, 2, task("look")), name="breach-book", kinds=("breach",))
    other = book(phase("first", 0, 2, task("look")), name="other", kinds=("outage",))
    ground = declared_as("breach", one, other)
    ground.do(DrawPlan("INC-1", Asked("playbook")), EVE)
    plan = ground.world.plans["PLAN-1"]
    assert plan.asked["playbook"] == "breach-book"
    assert plan.title == "Breach-Book"


@pytest.mark.parametrize(
    ("kind", "name", "code", "said"),
    [
        ("", "", "no-playbook", "no playbook is for INC-1, which is of no kind"),
        ("outage", "", "several-playbooks", "these playbooks fit: one, two"),
        ("outage", "tow", "unknown-playbook", "INC-1 began without a playbook tow"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_there_is(
    kind: str, name: str, code: str, said: str
) -> None:
    books = [
        book(phase("first", 0, 2, task("look")), name=each, kinds=("outage",))
        for each in ("one", "two")
    ]
    ground = declared_as(kind, *books)
    ground.do(DrawPlan("INC-1", Asked("playbook", playbook=name)), EVE)
    assert ground.refused is not None
    assert (ground.refused.reasons[0].code, ground.refused.reasons[0].text) == (code, said)


def test_severity_and_ground_narrow_it_down() -> None:
    first = phase("first", 0, 2, task("look"))
    mild = book(first, name="mild", kinds=("outage",), severities=("SEV9",))
    far = book(first, name="far", kinds=("outage",), domains=("elsewhere",))
    right = book(first, name="right", kinds=("outage",))
    ground = declared_as("outage", mild, far, right)
    ground.do(DrawPlan("INC-1", Asked("playbook")), EVE)
    assert ground.world.plans["PLAN-1"].asked["playbook"] == "right"


# --- the way back ------------------------------------------------------------------------------------


def test_a_recovery_takes_the_way_back_of_the_playbook_of_its_kind() -> None:
    first = phase("first", 0, 2, isolate("cut", "web", "mail"))
    back = phase(
        "back", 2, 60, recover("bring", "web"), task("agree", after=("bring",)), recovery=True
    )
    ground = declared_as("outage", book(first, back, name="way", kinds=("outage",)))
    ground.drawn(Asked("contain", ("web", "mail")))
    ground.run("PLAN-1")
    ground.do(DrawPlan("INC-1", Asked("recover")), EVE)
    plan = ground.world.plans["PLAN-2"]
    assert plan.asked["playbook"] == "way"
    assert [(one.name, one.from_ms, one.within_ms) for one in plan.phases] == [
        ("back", 0, 58 * MINUTE)
    ]
    assert {one.service for one in plan.nodes} == {"", "web"}
    assert "mail: not as usual, and way does not bring it back" in plan.outlook["notes"]
    ground.do(DrawPlan("INC-1", Asked("recover", ("all",))), EVE)
    assert not ground.world.plans["PLAN-3"].phases, "targets leave the playbook out"


def test_a_recovery_of_no_kind_goes_by_the_fleet_alone() -> None:
    ground = declared_as(
        "", book(phase("back", 0, 9, recover("bring")), name="way", kinds=("outage",))
    )
    ground.drawn(Asked("contain", ("mail",)))
    ground.run("PLAN-1")
    plan = ground.drawn(Asked("recover"))
    assert not plan.phases
    assert [node.service for node in plan.nodes] == ["mail"]
    assert plan.outlook["learned"] == ["no similar incident in the last twelve months"]


def test_targets_and_a_playbook_together_are_refused() -> None:
    ground = declared_as("outage", book(phase("back", 0, 9, recover("bring")), name="way"))
    ground.do(DrawPlan("INC-1", Asked("recover", ("web",), playbook="way")), EVE)
    assert ground.refused is not None
    assert ground.refused.reasons[0].code == "two-ways"
    ground.do(DrawPlan("INC-1", Asked("recover", playbook="way")), EVE)
    assert ground.refused is not None
    assert ground.refused.reasons[0].code == "no-way-back"


# --- nothing is lost ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(4, 44))
def test_killed_at_any_entry_it_goes_on_where_it_was(place: int) -> None:
    """Given a coordinator that dies after any entry of the log, then nothing is told, owed or asked twice, and
    the plan ends."""
    probe = ProbeSpec("web-well", "web", "script", {}, 1000, 1, 1)
    fleet = replace(SHOP, services=(service("web", probes=(probe,)), *SHOP.services[1:]))
    steps = (isolate("cut", "web"), tell("word"), owe("law"), task("look"))
    ground = stage(with_books(book(phase("a", 0, 2, *steps), phase("b", 2, 9, isolate("more", "mail"))), fleet=fleet))  # fmt: skip
    ground.die_at = frozenset({place})
    ground.drawn(Asked("playbook", playbook="the-book"))
    ground.run("PLAN-1")
    plan = settle(ground, "look")
    assert plan.state is PlanState.DONE
    assert ground.truth["mail"].isolated
    events = kinds(ground)
    assert events.count("obligation.owed") == 1
    notes = ground.world.incidents["INC-1"].notifications.values()
    assert sum(one.subject.endswith("word") for one in notes) == 1
    assert sum("asks you" in one.subject for one in notes) == 1
    folded = World()
    for record in ground.records:
        folded = evolve(folded, record)
    assert folded == ground.world


def test_a_playbook_that_was_given_up_can_be_taken_back_although_a_task_was_open() -> None:
    ground, _ = play(phase("first", 0, 2, isolate("cut", "web"), task("look")))
    ground.do(DrawPlan("INC-1", Asked("undo", plan="PLAN-1")), EVE)
    assert ground.refused is not None, "it goes on when the task is done"
    ground.do(AbortPlan("PLAN-1", "a false alarm"), ADA)
    ground.do(SettleStep("PLAN-1", "look", True, "I looked"), ADA)
    assert ground.refused is not None, "nobody waits for it any more"
    ground.drawn(Asked("undo", plan="PLAN-1"))
    ground.run("PLAN-2")
    assert not ground.truth["web"].isolated


def test_a_rule_against_slow_plans_can_leave_playbooks_out() -> None:
    """A playbook says itself how long it has."""
    slow = Condition("plan_minutes", "more_than", 2)
    rules = (
        StopRule(
            "slow", "Too slow", (slow, Condition("plan_phases", "is", 0)), "it was for minutes"
        ),
        StopRule("any", "Too slow", (slow,), "nothing may take so long"),
    )
    for rule, held in ((rules[0], False), (rules[1], True)):
        policy = with_books(book(phase("first", 0, 240, task("look"))))
        policy = replace(policy, protocol=replace(policy.protocol, stop_rules=(rule,)))
        ground = stage(policy)
        ground.drawn(Asked("playbook", playbook="the-book"))
        ground.run("PLAN-1")
        ground.let_pass(3 * MINUTE)
        ground.do(CheckRules("PLAN-1"), TIMEKEEPER)
        assert (ground.world.plans["PLAN-1"].state is PlanState.HELD) is held
