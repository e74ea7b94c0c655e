"""What stands on a machine: orders taken in, written down, and never lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from allstop.domain.halt.order_text import Ended, Pass, StandingHalt
from allstop.errors import Corrupt, Invalid, Missing, Refused
from allstop.host import uptime
from tests.host.hosts import ADA, COORDINATOR, EVE, MALLORY, NOW, Machine

HALT = StandingHalt("HALT-1", "INC-7", "SEV1")
GUARDED = StandingHalt("HALT-2", "INC-9", "SEV1", "team:builders", keys=2)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "host")


def test_a_machine_that_joined_begins_with_nothing_standing(machine: Machine) -> None:
    machine.keeper()
    assert machine.state.halts == ()
    assert machine.state.seq == 0
    assert machine.state.boot == uptime.boot()


def test_an_order_becomes_lines_that_gates_read(machine: Machine) -> None:
    keeper = machine.keeper()
    assert keeper.take(COORDINATOR.order(41, HALT, GUARDED)) is not None
    assert machine.state.seq == 41
    assert machine.lines() == [
        "halt HALT-1 INC-7 SEV1 default all",
        "halt HALT-2 INC-9 SEV1 default team:builders",
    ]


def test_what_stands_survives_the_end_of_the_process(machine: Machine) -> None:
    machine.keeper().take(COORDINATOR.order(41, HALT))
    (machine.folder / "state").unlink()  # even without the file that was made from it
    again = machine.keeper()
    assert again.seq == 41
    assert machine.lines() == ["halt HALT-1 INC-7 SEV1 default all"]
    # and an older order is still an older order
    assert again.take(COORDINATOR.order(40)) is None
    assert [one.code for one in again.refused] == ["replayed"]


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (MALLORY.order(50), "unknown-key"),
        (COORDINATOR.order(50).replace('"signature":"', '"signature":"00'), "forged"),
        (COORDINATOR.order(50)[:-20], "unreadable"),
        (COORDINATOR.order(50, audience="host:other"), "other-audience"),
        (COORDINATOR.order(50, now=NOW - timedelta(hours=2)), "stale"),
        (COORDINATOR.order(40), "replayed"),
        ("", "unreadable"),
        ("[]", "unreadable"),
        ('{"order":' + "[" * 100_000, "unreadable"),
    ],
)
def test_what_is_no_order_for_this_machine_changes_nothing_and_is_written_down(
    machine: Machine, envelope: str, code: str
) -> None:
    # given a halt that stands
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(41, HALT))
    before = (machine.folder / "state").read_text()
    # when something else comes that would lift it
    assert keeper.take(envelope) is None
    # then it stands, and the refusal is on record, here and for the coordinator
    assert (machine.folder / "state").read_text() == before
    assert [one.code for one in keeper.unreported] == [code]
    assert f" {code} " in (machine.folder / "refused").read_text()


def test_a_release_ends_a_halt_and_only_the_one_it_names(machine: Machine) -> None:
    keeper = machine.keeper()
    other = StandingHalt("HALT-3", scope="agent:builder-1")
    keeper.take(COORDINATOR.order(41, HALT, other))
    taken = keeper.take(COORDINATOR.order(42, other, ended=(Ended("HALT-1"),)))
    assert taken is not None
    assert taken.ended == ("HALT-1",)
    assert machine.lines() == ["halt HALT-3 - - default agent:builder-1"]


def test_a_guarded_halt_ends_only_with_enough_keys_whatever_the_coordinator_says(
    machine: Machine,
) -> None:
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(41, GUARDED))
    one, two = ADA.release("HALT-2"), EVE.release("HALT-2")
    for seq, statements in enumerate(
        [(), (one,), (one, one), (one, MALLORY.release("HALT-2"))], 42
    ):
        keeper.take(COORDINATOR.order(seq, ended=(Ended("HALT-2", statements),)))
        assert len(machine.lines()) == 1, statements
    assert {one.code for one in keeper.unreported} == {"unsigned-release"}
    keeper.take(COORDINATOR.order(50, ended=(Ended("HALT-2", (one, two)),)))
    assert machine.lines() == []


@pytest.mark.parametrize(
    ("scope", "lines"),
    [
        ("host:build-7", ["all"]),
        ("host:build-8", []),
        ("repository:shop", ["repository:/srv/shop", "repository:/home/ada/shop"]),
        ("repository:unheard-of", []),
        ("repository:/srv/a b", ["repository:/srv/a b"]),
        ("repository:/srv/shop/", ["repository:/srv/shop"]),
        ("session:claude_7", ["session:claude_7"]),
        ("team:the night watch", ["team:the night watch"]),
        ("agent:Ü", ["all"]),
    ],
)
def test_scopes_are_resolved_for_this_machine_and_widened_when_they_cannot_be_said(
    machine: Machine, scope: str, lines: list[str]
) -> None:
    machine.folders = {"shop": ("/srv/shop", "/home/ada/shop")}
    machine.keeper().take(COORDINATOR.order(41, StandingHalt("HALT-1", scope=scope)))
    assert [one.scope for one in machine.state.halts] == lines


def test_a_repository_that_comes_later_is_halted_when_it_comes(machine: Machine) -> None:
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(41, StandingHalt("HALT-1", scope="repository:shop")))
    assert machine.lines() == []
    machine.folders = {"shop": ("/srv/shop",)}
    keeper.rewrite()
    assert machine.lines() == ["halt HALT-1 - - default repository:/srv/shop"]


def test_a_pass_counts_in_seconds_of_this_machine(machine: Machine) -> None:
    medic = Pass(
        "s-1", "medic", "responder", ("read", "exec"), NOW + timedelta(minutes=10), "HALT-1"
    )
    exempt = StandingHalt("HALT-1", exempt=("medic",))
    machine.keeper().take(COORDINATOR.order(41, exempt, passes=(medic,)))
    (found,) = machine.state.passes
    assert (found.session, found.classes, found.halt) == ("s-1", ("read", "exec"), "HALT-1")
    assert abs(found.until - uptime.seconds() - 600) < 60


# --- halts of this machine's own ----------------------------------------------------------------


def test_a_halt_can_be_ordered_here_while_nobody_else_can_be_asked(machine: Machine) -> None:
    keeper = machine.keeper()
    assert keeper.order_here("all", (), "uid 0") == "LOCAL-build-7-1"
    assert machine.lines() == ["halt LOCAL-build-7-1 - - default all"]
    # asked for twice it is one; another is another; both outlive the process and the next order
    assert keeper.order_here("all", ("default",), "uid 1000") == "LOCAL-build-7-1"
    assert keeper.order_here("team:builders", ("write", "exec"), "uid 0") == "LOCAL-build-7-2"
    again = machine.keeper()
    again.take(COORDINATOR.order(41, HALT))
    assert [one.id for one in machine.state.halts] == [
        "HALT-1",
        "LOCAL-build-7-1",
        "LOCAL-build-7-2",
    ]


def test_no_order_of_the_coordinator_lifts_it(machine: Machine) -> None:
    keeper = machine.keeper()
    name = keeper.order_here("all", (), "uid 0")
    keeper.take(COORDINATOR.order(41, ended=(Ended(name, (ADA.release(name), EVE.release(name))),)))
    assert [one.id for one in machine.state.halts] == [name]


def test_root_lifts_it_and_so_does_a_pinned_key_and_nobody_else(machine: Machine) -> None:
    keeper = machine.keeper()
    name = keeper.order_here("all", (), "uid 1000")
    mine = "host:build-7"
    for statements in [
        (), (MALLORY.release(name, mine),), (ADA.release("LOCAL-build-7-9", mine),), (ADA.release(name, "fleet"),),
        (COORDINATOR.release(name, mine),), (ADA.release(name, mine, NOW - timedelta(hours=3)),),
    ]:  # fmt: skip
        with pytest.raises(Refused):
            keeper.lift_here(name, as_root=False, statements=statements)
    assert len(machine.lines()) == 1
    keeper.lift_here(name, as_root=False, statements=(ADA.release(name, mine),))
    assert machine.lines() == []
    # its number is not given away again
    other = keeper.order_here("all", (), "uid 1000")
    assert other == "LOCAL-build-7-2"
    keeper.lift_here(other, as_root=True)
    assert machine.lines() == []


def test_what_is_not_of_this_machine_is_not_lifted_here(machine: Machine) -> None:
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(41, HALT))
    with pytest.raises(Missing, match="no halt HALT-1 was ordered on this machine"):
        keeper.lift_here("HALT-1", as_root=True)
    assert len(machine.lines()) == 1


@pytest.mark.parametrize(
    "scope", ["", "al", "team:", "agent", "all:x", "host:a b", "repository:../x"]
)
def test_a_scope_that_is_none_is_refused(machine: Machine, scope: str) -> None:
    with pytest.raises(Invalid):
        machine.keeper().order_here(scope, (), "uid 0")


# --- when the disk says odd things ------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", ["", "{}", "[]", '{"v":1', '{"known":1}', "\x00"])
def test_a_journal_without_sense_keeps_everything_as_it_is(machine: Machine, rubbish: str) -> None:
    machine.keeper().take(COORDINATOR.order(41, HALT))
    before = (machine.folder / "state").read_text()
    (machine.folder / "journal.json").write_text(rubbish)
    with pytest.raises(Corrupt, match="makes no sense"):
        machine.keeper()
    assert (machine.folder / "state").read_text() == before


def test_a_journal_that_was_taken_away_does_not_lift_a_halt(machine: Machine) -> None:
    machine.keeper().take(COORDINATOR.order(41, HALT))
    (machine.folder / "journal.json").unlink()
    with pytest.raises(Corrupt, match="there is no journal"):
        machine.keeper()
    assert len(machine.lines()) == 1


def test_an_old_journal_that_was_put_back_does_not_lift_a_halt(machine: Machine) -> None:
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(40))
    old = (machine.folder / "journal.json").read_text()
    keeper.take(COORDINATOR.order(41, HALT))
    (machine.folder / "journal.json").write_text(old)
    with pytest.raises(Corrupt, match="the journal of order 40"):
        machine.keeper()
    assert len(machine.lines()) == 1


def test_a_crash_between_journal_and_state_leaves_the_newer_order_standing(
    machine: Machine,
) -> None:
    keeper = machine.keeper()
    keeper.take(COORDINATOR.order(40))
    old = (machine.folder / "state").read_text()
    keeper.take(COORDINATOR.order(41, HALT))
    (machine.folder / "state").write_text(old)  # as if the process had ended just before
    machine.keeper()
    assert machine.lines() == ["halt HALT-1 INC-7 SEV1 default all"]


def test_refusals_do_not_fill_the_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allstop.host.keeper._LARGEST_REFUSALS", 2000)
    keeper = machine.keeper()
    for _ in range(100):
        keeper.take("\x1b[2J" * 100)
    sizes = [path.stat().st_size for path in machine.folder.glob("refused*")]
    assert max(sizes) < 4000
    assert b"\x1b" not in (machine.folder / "refused").read_bytes()
