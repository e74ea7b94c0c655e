"""Refusals in words that fit the command: what is wrong, and the command that would be right."""

import json
from dataclasses import replace
from typing import Any

import pytest

from allstop.application.shapes import CriterionLine
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded, problem

INC = "/incidents/current"


def refused(code: str, text: str, hint: str = "") -> tuple[int, Any]:
    reason = {"code": code, "text": text, "hint": hint, "pointer": ""}
    return problem(409, "refused", text, hint, [reason])


def waiting_for(criterion: CriterionLine) -> Any:
    phase = replace(recorded.VIEW.phases[0], criteria=(criterion,))
    return replace(recorded.VIEW, phases=(phase,))


STATED = CriterionLine(
    "no-damage", "No new damage is done", False, False, "nobody has stated it", 'allstop state contained "..."'
)  # fmt: skip


def test_a_criterion_in_place_of_a_statement_gets_the_right_word(
    allstop: Run, book: Recorded
) -> None:
    """Given a criterion met by a statement of another name, when its id is stated, then the word is said."""
    book.answer(f"GET {INC}", waiting_for(STATED))
    text = "the protocol asks for no statement no-damage"
    book.answers[f"POST {INC}/statements"] = refused("unknown-statement", text, "known: contained")
    ran = allstop("state", "no-damage", "none seen")
    assert ran.code == 3
    assert ran.err == (
        "error: no-damage is a criterion (No new damage is done), and no statement: it is met in another way\n"
        'hint:  allstop state contained "..."\n'
    )
    assert (
        json.loads(allstop("state", "no-damage", "x", "--json").out)["reasons"][0]["text"] == text
    )


def test_any_other_refusal_of_a_statement_stays_as_it_is(allstop: Run, book: Recorded) -> None:
    book.answer(f"GET {INC}", waiting_for(STATED))
    book.answers[f"POST {INC}/statements"] = refused("unknown-statement", "no such", "known: a")
    assert allstop("state", "nonsense", "x").err == "error: no such\nhint:  known: a\n"
    book.answers[f"POST {INC}/statements"] = refused("no-authority", "not you", "ask ada")
    assert allstop("state", "no-damage", "x").err == "error: not you\nhint:  ask ada\n"


def test_crews_are_not_proposed_before_the_roll_call_is_over(allstop: Run, rich: Recorded) -> None:
    crew = replace(recorded.CREWS[1], members=())
    rich.answer(f"GET {INC}/crews", (crew,))
    late = replace(recorded.HALT.roll[1], state="told")
    halt = replace(recorded.HALT, roll=(recorded.HALT.roll[0], late))
    rich.answer(f"GET {INC}", replace(recorded.VIEW, halts=(halt,)))
    ran = allstop("crew", "accept")
    assert ran.code == 4
    assert ran.err == (
        "error: crews are proposed after the roll call, and HALT-1 still waits for builder-2\n"
        "hint:  allstop rollcall HALT-1, or form one yourself: allstop crew set CREW NAME...\n"
    )
    rich.answers[f"POST {INC}/crews/containment"] = refused(
        "nobody-proposed", "nobody was proposed"
    )
    assert "HALT-1 still waits for builder-2" in allstop("crew", "accept", "containment").err


def test_crews_that_are_formed_or_forbidden_say_so(allstop: Run, rich: Recorded) -> None:
    rich.answer(f"GET {INC}/crews", recorded.CREWS[1:])
    assert (
        "error: every crew is formed already\nhint:  allstop crew\n"
        in allstop("crew", "accept").err
    )
    rich.answer(f"GET {INC}/crews", ())
    assert (
        "error: the protocol forms no crews\nhint:  allstop task add"
        in allstop("crew", "accept").err
    )
    rich.answers[f"POST {INC}/crews/containment"] = refused("no-authority", "not you", "ask ada")
    assert allstop("crew", "accept", "containment").err == "error: not you\nhint:  ask ada\n"


@pytest.mark.parametrize("remedy", ["fix", "rollback"])
def test_a_remedy_of_nothing_asks_of_what(allstop: Run, book: Recorded, remedy: str) -> None:
    line = replace(recorded.LINE, services=())
    book.answer(f"GET {INC}", replace(recorded.VIEW, line=line))
    book.answers[f"POST {INC}/remedy"] = refused("not-available", "no service: restart: no", "x")
    ran = allstop("remedy", remedy, "--because", "b")
    assert ran.code == 3
    assert ran.err == (
        f"error: INC-1 suspects no service, so it is not known of which the {remedy} is wanted; "
        "fleet.yaml describes payments, accounts\n"
        f'hint:  allstop remedy {remedy} --service NAME --because "..."\n'
    )
    assert (
        "no service: restart: no"
        in allstop("remedy", remedy, "--because", "b", "--service", "a").err
    )


def test_an_update_that_lacks_fields_is_shown_whole(allstop: Run, book: Recorded) -> None:
    """Given fields that the protocol asks for, then one command has them all, and a typo its own hint."""
    reasons = [
        {"code": "a", "text": "it needs progress", "hint": '--field progress="..."'},
        {"code": "a", "text": "it needs next", "hint": '--field next="..."'},
        {"code": "b", "text": "no status fixign", "hint": "did you mean fixing?"},
    ]
    book.answers[f"POST {INC}/updates"] = problem(409, "refused", "no", "", reasons)
    ran = allstop("update", "it's slow", "--status", "fixign", "--field", "a=b c")
    assert ran.err == (
        "error: it needs progress\n"
        "error: it needs next\n"
        "hint:  allstop update 'it'\"'\"'s slow' --status fixign --field 'a=b c' --field progress=\"...\" --field next=\"...\"\n"
        "error: no status fixign\n"
        "hint:  did you mean fixing?\n"
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [("standdown", "did you mean stand-down?"), ("nonsense", "allstop approve stand-down, or the plan")],
)  # fmt: skip
def test_what_cannot_be_approved_says_what_can(
    allstop: Run, book: Recorded, word: str, hint: str
) -> None:
    ran = allstop("approve", word)
    assert ran.code == 4
    assert ran.err.startswith(f"error: {word} is nothing that could be approved\nhint:  {hint}")
    assert "there is no /plans/PLAN-9" in allstop("approve", "PLAN-9").err
