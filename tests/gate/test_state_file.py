"""The state file: what is written is read again, and what is not exactly it is no state."""

import contextlib

import pytest
from hypothesis import given

from allstop.errors import Invalid
from allstop.gate.state_file import (
    Lease,
    Pass,
    StandingHalt,
    State,
    Unreadable,
    parse,
    parse_lease,
    render,
    render_lease,
)
from tests.gate.anything import leases, states, texts_near_states

SOUND = (
    "allstop-state 1\nseq 42\nboot b-1\nunknown covered\nlease closed\n"
    "halt HALT-3 INC-7 SEV1 default all\n"
    "halt HALT-4 - - write,exec repository:/srv/a shop\n"
    "pass s-1 91234 read,write HALT-3\n"
    "end 42\n"
)


@given(states())
def test_what_is_written_is_read_again(state: State) -> None:
    assert parse(render(state)) == state


@given(texts_near_states())
def test_a_text_is_a_state_or_says_why_not(text: str) -> None:
    with contextlib.suppress(Unreadable):
        state = parse(text)
        assert parse(render(state)) == state


@given(leases())
def test_a_lease_is_read_again(lease: Lease) -> None:
    assert parse_lease(render_lease(lease)) == lease


def test_each_line_means_what_the_design_says() -> None:
    assert parse(SOUND) == State(
        seq=42,
        boot="b-1",
        unknown_covered=True,
        lease_closed=True,
        halts=(
            StandingHalt("HALT-3", "INC-7", "SEV1", ("default",), "all"),
            StandingHalt("HALT-4", "-", "-", ("write", "exec"), "repository:/srv/a shop"),
        ),
        passes=(Pass("s-1", 91234, ("read", "write"), "HALT-3"),),
    )


@pytest.mark.parametrize("length", range(len(SOUND)))
def test_a_state_cut_off_anywhere_is_unreadable(length: int) -> None:
    with pytest.raises(Unreadable):
        parse(SOUND[:length])


@pytest.mark.parametrize(
    "bad",
    [
        StandingHalt("HALT 3", "-", "-", ("default",), "all"),
        StandingHalt("HALT-3", "", "-", ("default",), "all"),
        StandingHalt("HALT-3", "-", 'SEV"1', ("default",), "all"),
        StandingHalt("HALT-3", "-", "-", (), "all"),
        StandingHalt("HALT-3", "-", "-", ("report",), "all"),
        StandingHalt("HALT-3", "-", "-", ("default", "write"), "all"),
        StandingHalt("HALT-3", "-", "-", ("default",), "host:web-1"),
        StandingHalt("HALT-3", "-", "-", ("default",), "repository:shop"),
        StandingHalt("HALT-3", "-", "-", ("default",), "repository:/srv/shop/"),
        StandingHalt("HALT-3", "-", "-", ("default",), "team:a\nend 42"),
        StandingHalt("H" * 65, "-", "-", ("default",), "all"),
    ],
)
def test_what_cannot_be_said_is_not_written(bad: StandingHalt) -> None:
    with pytest.raises(Invalid, match="cannot be written"):
        render(State(42, "b-1", halts=(bad,)))


@pytest.mark.parametrize("text", ["", "\n", "b-1", "b-1 x", "b-1 5 6", "b-1 -5", " 5", "b-1  5"])
def test_what_is_no_lease_is_none(text: str) -> None:
    assert parse_lease(text) is None
