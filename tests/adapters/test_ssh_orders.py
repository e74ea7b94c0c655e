"""The forced command of examples/ssh, as a real sshd runs it: listed verbs alone, and no older order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.ssh.actuator import Ssh
from allstop.adapters.ssh.options import LoginOptions, command_line
from allstop.adapters.ssh.running import run
from allstop.domain.effects import Ending, Outcome
from tests.adapters import sshds
from tests.adapters.sshds import Sshd
from tests.adapters.worlds import Blobs, effect


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    with sshds.running() as server:
        script = server.folder / "note"
        script.write_text('#!/bin/sh\necho "$1 $ALLSTOP_EPOCH $ALLSTOP_TARGET" >>"${0%/*}/done"\n')
        slow = server.folder / "slow"
        slow.write_text('#!/bin/sh\ntouch "${0%/*}/begun"\nsleep 1\necho slow >>"${0%/*}/done"\n')
        daemon = server.folder / "daemon"
        daemon.write_text("#!/bin/sh\nsleep 30 >/dev/null 2>&1 &\n")
        for one in (script, slow, daemon):
            one.chmod(0o755)
        (server.folder / "verbs").write_text(
            f"# name  kind  command\n\nstop change {script} stop\nstart change {script} start\n"
            f"slow change {slow}\ndaemon change {daemon}\n"
            f"hang change sleep 30\nstatus look echo active\nodd both true"
        )
        async with sshds.connections():
            yield server


def deeds(server: Sshd) -> list[str]:
    path = server.folder / "done"
    return path.read_text().splitlines() if path.exists() else []


async def ordered(server: Sshd, verb: str, epoch: int = 5, **changes: Any) -> Outcome:
    return await Ssh().act(effect("ensure", server.forced(verb), epoch=epoch, **changes), Blobs())


async def test_an_older_order_is_refused(sshd: Sshd) -> None:
    """Given an order, its repetition and newer ones are carried out; an older one is not, for that target."""
    assert (await ordered(sshd, "stop", 5)).ending is Ending.DONE
    assert (await ordered(sshd, "stop", 5)).ending is Ending.DONE
    assert (await ordered(sshd, "start", 10)).ending is Ending.DONE
    late = await ordered(sshd, "stop", 9)
    assert (late.ending, late.because) == (
        Ending.FAILED,
        "refused: a newer order stands: 10, not 9",
    )
    assert (await ordered(sshd, "stop", 9, target="billing")).ending is Ending.DONE
    assert deeds(sshd) == ["stop 5 orders", "stop 5 orders", "start 10 orders", "stop 9 billing"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "no verb"),
        ("reboot", "no verb reboot"),
        ("stop now", "a verb takes no words"),
        ("/bin/sh", "this is no verb"),
        ("PATH=. stop", "this is no verb"),
        ("stop; touch evil", "not allowed"),
        ("$(touch evil)", "not allowed"),
        ("stop\ntouch", "a verb takes no words"),
        ("stop*", "not allowed"),
        ("ALLSTOP_EPOCH=5 stop", "no target"),
        ("ALLSTOP_TARGET=orders stop", "no order's number"),
        ("ALLSTOP_EPOCH=-1 ALLSTOP_TARGET=orders stop", "no order's number"),
        ("ALLSTOP_EPOCH=9999999999999999 ALLSTOP_TARGET=orders stop", "no order's number"),
        ("ALLSTOP_EPOCH=5 ALLSTOP_TARGET=../../x stop", "no target"),
        ("ALLSTOP_EPOCH=5 ALLSTOP_TARGET=.. stop", "no target"),
        ("ALLSTOP_EPOCH=5 ALLSTOP_TARGET='a b' stop", "not allowed"),
        ("ALLSTOP_TIMEOUT=0 status", "the time limit is no number"),
        ("odd", "neither look nor change"),
    ],
)
async def test_what_is_not_listed_is_refused(sshd: Sshd, command: str, why: str) -> None:
    """Given anything but a listed verb with an order's number and a target, nothing is run: 77."""
    place = LoginOptions.model_validate(sshd.forced()).place()
    ended = await run(place, command or " ", Deadline.within(10_000))
    assert (ended.code, why in ended.errors.decode()) == (77, True), ended
    assert deeds(sshd) == []


async def test_a_look_needs_no_order(sshd: Sshd) -> None:
    """Given a verb that looks, it is run without a number, and leaves no mark."""
    place = LoginOptions.model_validate(sshd.forced()).place()
    ended = await run(place, command_line({}, ["status"]), Deadline.within(10_000))
    assert (ended.code, ended.output) == (0, b"active\n")
    assert not (sshd.folder / "orders").exists()


async def test_orders_for_a_target_are_carried_out_one_after_another(sshd: Sshd) -> None:
    """Given a slow order and a newer one meanwhile, the newer one comes after it; the older one not any more."""
    slow = asyncio.create_task(ordered(sshd, "slow", 5))
    await asyncio.to_thread(sshds.until, (sshd.folder / "begun").exists)
    newer = asyncio.create_task(ordered(sshd, "stop", 7))
    assert (await slow).ending is Ending.DONE
    assert (await newer).ending is Ending.DONE
    older = await ordered(sshd, "start", 6)
    assert older.ending is Ending.FAILED
    assert deeds(sshd) == ["slow", "stop 7 orders"]


async def test_what_an_order_leaves_running_holds_no_lock(sshd: Sshd) -> None:
    """Given a verb that starts a daemon, the next order is not held up by it."""
    assert (await ordered(sshd, "daemon", 5)).ending is Ending.DONE
    assert (await ordered(sshd, "stop", 6)).ending is Ending.DONE


async def test_a_verb_that_hangs_is_ended_on_the_other_side(sshd: Sshd) -> None:
    """Given a verb without an end, the forced command ends it when nobody waits any more."""
    outcome = await ordered(sshd, "hang", 5, timeout_ms=1000)
    assert outcome.ending is Ending.UNKNOWN
    sshds.until(lambda: not sshd.runs("30"))
    assert (await ordered(sshd, "stop", 6)).ending is Ending.DONE


async def test_a_damaged_mark_stops_every_order(sshd: Sshd) -> None:
    """Given a mark that makes no sense, an order is refused until a person has looked."""
    await ordered(sshd, "stop", 5)
    (sshd.folder / "orders" / "orders.epoch").write_text("five\n")
    outcome = await ordered(sshd, "stop", 6)
    assert (outcome.ending, "makes no sense" in outcome.because) == (Ending.FAILED, True)
    assert deeds(sshd) == ["stop 5 orders"]
