"""When a host accepts a standing order. Whatever is refused, what stood stands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from allstop.domain.halt.order_text import (
    Ended,
    Pass,
    StandingHalt,
    StandingOrder,
    Statement,
    order_text,
    read_order,
)
from allstop.domain.halt.standing_order import CODES, Accepted, Known, Refused, accept
from tests.domain.halt.keys import (
    ADA_KEY,
    COORDINATOR_KEY,
    EVE_KEY,
    HOUR,
    MALLORY_KEY,
    NOW,
    ORDER_KEYS,
    RELEASE_KEYS,
    sealed,
    statement,
)
from tests.domain.halt.write_envelopes import FOLDER, envelopes

HALT = StandingHalt("HALT-1", "INC-1", "SEV1")
GUARDED = StandingHalt("HALT-2", "INC-2", "SEV1", "team:builders", exempt=("medic",), keys=2)


def order(seq: int, *halts: StandingHalt, ended: tuple[Ended, ...] = ()) -> StandingOrder:
    return StandingOrder("coordinator", "fleet", seq, NOW, NOW + HOUR, halts, released=ended)


def heard(known: Known, said: StandingOrder | str) -> Accepted | Refused:
    envelope = said if isinstance(said, str) else sealed(said)
    return accept(known, envelope, ORDER_KEYS, RELEASE_KEYS, NOW)


def after(known: Known, *said: StandingOrder) -> Known:
    """What a host knows when it has heard these, one after the other."""
    for one in said:
        found = heard(known, one)
        known = found.known if isinstance(found, Accepted) else known
    return known


def names(known: Known) -> list[str]:
    return sorted(one.id for one in known.halts)


def codes(found: Accepted | Refused) -> list[str]:
    return [one.code for one in (found.remarks if isinstance(found, Accepted) else (found,))]


# --- bad envelopes -----------------------------------------------------------------------------


def test_the_bad_envelopes_lie_there_as_they_are_written() -> None:
    lying = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert lying == envelopes()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_bad_envelope_is_refused_with_its_reason(path: Path) -> None:
    known = after(Known("web-1"), order(7, HALT))
    found = heard(known, path.read_text("utf-8"))
    assert isinstance(found, Refused), f"{path.stem} was accepted"
    assert found.code == path.stem.partition("--")[0]
    assert found.code in CODES
    assert found.because.isprintable()


# --- good ones ---------------------------------------------------------------------------------


def test_one_order_makes_a_host_right_that_missed_ten() -> None:
    known = after(Known("web-1"), order(9, HALT, GUARDED))
    assert (names(known), known.seq) == (["HALT-1", "HALT-2"], 9)


def test_an_order_for_this_host_alone_is_taken() -> None:
    known = after(Known("web-1"), replace(order(9, HALT), audience="host:web-1"))
    assert names(known) == ["HALT-1"]


def test_the_same_order_again_is_no_news() -> None:
    known = after(Known("web-1"), order(9, HALT))
    assert heard(known, order(9, HALT)) == Accepted(known)


def test_names_that_a_later_version_adds_are_passed_over() -> None:
    """A host that is not upgraded yet must stop all the same."""
    text = json.dumps({**json.loads(order_text(order(9, HALT))), "weather": {"rain": True}})
    found = heard(Known("web-1"), json.dumps(_envelope(COORDINATOR_KEY.sign(text))))
    assert isinstance(found, Accepted)
    assert found.added == ("HALT-1",)


def _envelope(said: Statement) -> dict[str, str]:
    return {"order": said.text, "key": said.key, "signature": said.signature}


def test_under_the_same_number_only_halts_are_added() -> None:
    """Given two coordinators that number alike, when one halts and the other lets run, then the halt wins."""
    known = after(Known("web-1"), order(9, HALT))
    gone = order(9, ended=(Ended("HALT-1"),))
    assert names(after(known, gone)) == ["HALT-1"]
    found = heard(known, order(9, GUARDED))
    assert isinstance(found, Accepted)
    assert found.added == ("HALT-2",)
    assert names(found.known) == ["HALT-1", "HALT-2"]


# --- how a halt ends ---------------------------------------------------------------------------


def test_a_halt_ends_when_the_order_names_it_as_released() -> None:
    known = after(Known("web-1"), order(9, HALT))
    found = heard(known, order(10, ended=(Ended("HALT-1"),)))
    assert isinstance(found, Accepted)
    assert (found.ended, found.remarks, names(found.known)) == (("HALT-1",), (), [])


def test_a_halt_that_is_left_out_stands() -> None:
    known = after(Known("web-1"), order(9, HALT))
    found = heard(known, order(10))
    assert codes(found) == ["missing-halt"]
    assert names(after(known, order(10))) == ["HALT-1"]


def test_a_halt_that_stands_and_is_released_stands() -> None:
    known = after(Known("web-1"), order(9, HALT), order(10, HALT, ended=(Ended("HALT-1"),)))
    assert names(known) == ["HALT-1"]


@pytest.mark.parametrize(
    "signed",
    [
        (),
        (statement("HALT-2", ADA_KEY),),
        (statement("HALT-2", ADA_KEY), statement("HALT-2", ADA_KEY)),
        (statement("HALT-2", ADA_KEY), statement("HALT-2", MALLORY_KEY)),
        (statement("HALT-2", ADA_KEY), statement("HALT-2", COORDINATOR_KEY)),
        (statement("HALT-2", ADA_KEY), statement("HALT-1", EVE_KEY)),
        (statement("HALT-2", ADA_KEY), statement("HALT-2", EVE_KEY, "host:web-2")),
        (statement("HALT-2", ADA_KEY), statement("HALT-2", EVE_KEY, at=NOW - 2 * HOUR)),
        (statement("HALT-2", ADA_KEY), EVE_KEY.sign("let them run")),
        (statement("HALT-2", ADA_KEY), replace(statement("HALT-2", EVE_KEY), key="ada")),
        (statement("HALT-2", ADA_KEY), replace(statement("HALT-2", ADA_KEY), key="eve")),
    ],
)
def test_a_guarded_halt_stands_until_enough_different_keys_have_signed(
    signed: tuple[Statement, ...],
) -> None:
    known = after(Known("web-1"), order(9, GUARDED))
    found = heard(known, order(10, ended=(Ended("HALT-2", signed),)))
    assert codes(found) == ["unsigned-release"]
    assert names(after(known, order(10, ended=(Ended("HALT-2", signed),)))) == ["HALT-2"]


def test_a_guarded_halt_ends_when_two_people_have_signed() -> None:
    known = after(Known("web-1"), order(9, GUARDED))
    both = (statement("HALT-2", ADA_KEY), statement("HALT-2", EVE_KEY, "host:web-1"))
    assert names(after(known, order(10, ended=(Ended("HALT-2", both),)))) == []


def test_a_guarded_halt_is_not_whittled_away() -> None:
    """The coordinator's key alone makes it neither smaller nor easier to end."""
    known = after(Known("web-1"), order(9, GUARDED))
    smaller = replace(GUARDED, scope="agent:nobody", classes=("spend",), exempt=("all",), keys=0)
    found = heard(known, order(10, smaller))
    assert codes(found) == ["changed-halt"]
    known = after(known, order(10, smaller), order(11, ended=(Ended("HALT-2"),)))
    assert known.halts == (GUARDED,)


def test_what_was_frozen_stays_frozen_while_a_release_is_refused() -> None:
    known = after(Known("web-1"), replace(order(9, GUARDED), frozen=("builder-1",)))
    refused = after(known, order(10, ended=(Ended("HALT-2"),)))
    assert refused.frozen == ("builder-1",)
    both = (statement("HALT-2", ADA_KEY), statement("HALT-2", EVE_KEY))
    assert after(known, order(10, ended=(Ended("HALT-2", both),))).frozen == ()


# --- passes ------------------------------------------------------------------------------------


def allowed(agent: str, halt: str, minutes: int = 5) -> Pass:
    until = NOW + timedelta(minutes=minutes)
    return Pass(f"s-{agent}", agent, "responder", ("read", "write"), until, halt)


def test_a_responder_gets_a_pass_and_it_runs_out() -> None:
    known = after(Known("web-1"), replace(order(9, GUARDED), passes=(allowed("medic", "HALT-2"),)))
    assert [one.agent for one in known.passes] == ["medic"]
    late = replace(order(10, GUARDED), passes=(allowed("medic", "HALT-2", -1),))
    assert after(known, late).passes == ()


def test_nobody_gets_a_pass_by_the_coordinator_alone_under_a_guarded_halt() -> None:
    one = replace(order(9, HALT, GUARDED), passes=(allowed("rogue", "HALT-2"),))
    found = heard(Known("web-1"), one)
    assert codes(found) == ["unsigned-pass"]
    free = replace(order(9, HALT), passes=(allowed("rogue", "HALT-1"), allowed("x", "HALT-7")))
    assert [each.agent for each in after(Known("web-1"), free).passes] == ["rogue"]


# --- whatever happens on the way ---------------------------------------------------------------

halts = st.sampled_from([HALT, GUARDED, StandingHalt("HALT-3", scope="repository:/srv/shop")])
signed = st.lists(
    st.sampled_from([
        statement(halt, key) for halt in ("HALT-1", "HALT-2") for key in (ADA_KEY, EVE_KEY, MALLORY_KEY)
    ]),
    max_size=3,
)  # fmt: skip
ends = st.builds(
    Ended, st.sampled_from(["HALT-1", "HALT-2", "HALT-3"]), signed.map(tuple)
)  # fmt: skip
orders = st.builds(
    lambda seq, some, gone: order(seq, *some, ended=tuple(gone)),
    st.integers(1, 12), st.lists(halts, unique=True, max_size=3), st.lists(ends, max_size=2, unique_by=lambda one: one.halt),
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(orders, max_size=8), st.randoms(use_true_random=False))
def test_no_sequence_of_orders_ends_a_guarded_halt_unsigned(
    said: list[StandingOrder], chance: object
) -> None:
    """Replayed, reordered, doubled, cut: a guarded halt that is known ends by two signatures, or it stands."""
    chance.shuffle(said)  # type: ignore[attr-defined]  # hypothesis gives no type for its chance
    known = Known("web-1")
    for one in (*said, *said[::-1]):
        before, found = known, heard(known, one)
        known = found.known if isinstance(found, Accepted) else known
        assert known.seq >= before.seq
        for gone in set(names(before)) - set(names(known)):
            (last,) = (each for each in one.released if each.halt == gone)
            have = {each.key for each in last.statements if f'"{gone}"' in each.text}
            assert len(have & {"ada", "eve"}) >= next(x.keys for x in before.halts if x.id == gone)
            assert one.seq > before.seq


@settings(max_examples=200)
@given(st.data())
def test_whatever_a_wire_does_to_an_envelope_nothing_is_let_go(data: st.DataObject) -> None:
    """Every letter counts: cut it, change it, double it, and it is the same order or none."""
    known = after(Known("web-1"), order(9, HALT))
    good = sealed(order(10, ended=(Ended("HALT-1"),)))
    place = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    broken = data.draw(st.sampled_from([
        good[:place], good[:place] + letter + good[place + 1 :], good[:place] + letter + good[place:],
    ]))  # fmt: skip
    found = heard(known, broken)
    if isinstance(found, Accepted):
        assert json.loads(broken)["order"] == json.loads(good)["order"]
    else:
        assert found.code in CODES


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise(noise: bytes) -> None:
    assert isinstance(accept(Known("web-1"), noise, ORDER_KEYS, RELEASE_KEYS, NOW), Refused)


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(orders, words)
def test_an_order_reads_back_as_it_was_written_and_is_canonical(
    one: StandingOrder, severity: str
) -> None:
    whole = replace(one, halts=tuple(replace(each, severity=severity) for each in one.halts))
    text = order_text(whole)
    assert read_order(text) == whole
    assert rfc8785.dumps(json.loads(text)) == text.encode()
