"""Halts that a person signs and carries to machines that no coordinator reaches: whose, whole, in time, and each of them once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from allstop.domain.halt.order_text import Carried, Statement, carried_text, read_carried
from allstop.errors import Refused
from tests.host.hosts import ADA, COORDINATOR, EVE, HOUR, MALLORY, NOW, Machine, Signer

TEAM = Carried("team:builders", ("write", "exec"), "no coordinator", "fleet", NOW, NOW + HOUR)
HERE = replace(TEAM, scope="all", classes=("default",), audience="host:build-7")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "h")


def signed(halt: Carried, by: Signer = ADA) -> Statement:
    return by.sign(carried_text(halt))


@pytest.mark.parametrize("halt", [TEAM, HERE, replace(TEAM, scope="host:build-7", reason="")])
def test_what_is_signed_reads_back_the_same(halt: Carried) -> None:
    assert read_carried(carried_text(halt)) == halt


def test_a_signed_halt_stands_as_it_was_asked_for(machine: Machine) -> None:
    keeper = machine.keeper()
    assert keeper.take_signed(signed(TEAM)) == "LOCAL-build-7-1"
    assert machine.lines() == ["halt LOCAL-build-7-1 - - write,exec team:builders"]
    assert keeper.kept.local[0].by == f"key {ADA.id}"
    assert keeper.take_signed(signed(HERE, EVE)) == "LOCAL-build-7-2"
    assert machine.lines()[1] == "halt LOCAL-build-7-2 - - default all"
    # what a person typed reaches no file that a shell reads
    assert "no coordinator" not in (machine.folder / "state").read_text()


def test_the_same_file_is_taken_once(machine: Machine) -> None:
    """Given a halt that was lifted, when its file is brought again, even after a restart, then it is refused as a replay."""
    keeper = machine.keeper()
    statement = signed(TEAM)
    name = keeper.take_signed(statement)
    assert keeper.take_signed(statement) == name  # no news while it stands
    keeper.lift_here(name, as_root=True)
    for again in (keeper, machine.keeper()):
        with pytest.raises(Refused, match="taken here before"):
            again.take_signed(statement)
        assert machine.lines() == []
        assert [one.code for one in again.refused] == ["replayed"]
    # another halt of the same person is another file
    later = replace(TEAM, at=NOW + timedelta(seconds=1))
    assert machine.keeper().take_signed(signed(later)) == "LOCAL-build-7-2"


def test_what_has_run_out_is_forgotten_and_still_refused(machine: Machine) -> None:
    keeper = machine.keeper()
    statement = signed(TEAM)
    keeper.lift_here(keeper.take_signed(statement), as_root=True)
    machine.now = NOW + HOUR + timedelta(seconds=1)
    keeper = machine.keeper()
    later = replace(HERE, not_after=machine.now + HOUR)
    keeper.take_signed(signed(later))
    assert len(keeper.kept.taken) == 1
    with pytest.raises(Refused, match="was good until"):
        keeper.take_signed(statement)


OTHER = ADA.sign(carried_text(HERE))
REFUSED = {
    "unknown-key": signed(TEAM, MALLORY),
    "unknown-key of the coordinator": signed(TEAM, COORDINATOR),
    "forged": replace(signed(TEAM), signature=OTHER.signature),
    "forged text": replace(signed(TEAM), text=carried_text(HERE)),
    "forged hex": replace(signed(TEAM), signature="zz"),
    "stale": signed(replace(TEAM, not_after=NOW - timedelta(seconds=1))),
    "other-audience": signed(replace(TEAM, audience="host:web-9")),
    "other-audience by scope": signed(replace(TEAM, scope="host:web-9")),
    "no-order: a release": ADA.release("HALT-1"),
    "no-order: nothing": ADA.sign("{}"),
    "no-order: no scope": ADA.sign(carried_text(TEAM).replace("team:builders", "planet")),
    "no-order: no class": ADA.sign(carried_text(TEAM).replace('"exec"', '"everything"')),
    "no-order: cut": ADA.sign(carried_text(TEAM)[:-9]),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused_changes_nothing_and_is_on_the_record(machine: Machine, why: str) -> None:
    keeper = machine.keeper()
    keeper.order_here("agent:coder-1", (), "uid 0")
    before = (machine.folder / "journal.json").read_bytes()
    with pytest.raises(Refused):
        keeper.take_signed(REFUSED[why])
    code = why.partition(" ")[0].partition(":")[0]
    assert [one.code for one in keeper.refused] == [code]
    assert (machine.folder / "journal.json").read_bytes() == before
    assert len(machine.lines()) == 1
    assert code in (machine.folder / "refused").read_text()


def test_a_signed_halt_releases_nothing(machine: Machine) -> None:
    keeper = machine.keeper()
    name = keeper.take_signed(signed(TEAM))
    with pytest.raises(Refused):
        keeper.lift_here(name, as_root=False, statements=(signed(TEAM), signed(HERE)))
    assert len(machine.lines()) == 1


def test_a_journal_of_before_signed_halts_is_read(machine: Machine) -> None:
    machine.keeper().order_here("all", (), "uid 0")
    path = machine.folder / "journal.json"
    found = json.loads(path.read_text())
    del found["taken"]
    path.write_text(json.dumps(found))
    keeper = machine.keeper()
    assert keeper.kept.taken == ()
    assert len(machine.lines()) == 1
