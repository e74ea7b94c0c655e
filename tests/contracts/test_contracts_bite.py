"""The contracts find liars: adapters that say one thing and do another."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable
from typing import Any

import pytest
from pydantic import Field

from allstop.adapters.mechanisms.options import Options
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done
from allstop.domain.samples import Sample
from allstop.testing.contracts.actuator import ActuatorCase, ActuatorContract, VerbCase
from allstop.testing.contracts.probe import ProbeCase, ProbeContract


class Nothing(Options):
    """Options of the liars."""

    how: str = Field(default="", title="How", description="How it lies.")


class Liar:
    """An actuator that always says done; `how` it misbehaves is an option."""

    info = AdapterInfo(
        "liar",
        "Lies.",
        "1",
        ("actuator",),
        verbs=(
            VerbInfo("do", "Does.", Repeat.PROBE, Nothing, inverse="undo"),
            VerbInfo("undo", "Undoes.", Repeat.PROBE, Nothing),
        ),
    )

    def __init__(self, how: str) -> None:
        self.how, self.count = how, 0
        self.left: list[subprocess.Popen[bytes]] = []

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        if self.how == "doubles":
            self.count += 1
        if self.how == "hangs":
            await asyncio.sleep(effect.timeout_ms / 1000 + 0.2)
        if self.how == "leaves a child":
            self.left.append(subprocess.Popen(["sleep", "60"]))  # noqa: ASYNC220
        if self.how == "talks":
            return done("two\nlines")
        if self.how == "floats":
            return done("", {"load": 0.5})  # type: ignore[dict-item]
        return done()

    async def observe(self, effect: Effect) -> Outcome:
        return done()


@pytest.mark.parametrize(
    ("how", "test"),
    [
        ("does nothing", "test_doing_it_twice_is_doing_it_once"),
        ("doubles", "test_doing_it_twice_is_doing_it_once"),
        ("talks", "test_doing_it_twice_is_doing_it_once"),
        ("floats", "test_doing_it_twice_is_doing_it_once"),
        ("leaves a child", "test_doing_it_twice_is_doing_it_once"),
        ("claims it", "test_observing_tells_done_from_not_done"),
        ("doubles", "test_the_inverse_undoes_it"),
        ("hides a verb", "test_every_verb_is_under_contract"),
        ("takes anything", "test_bad_requests_fail_and_change_nothing"),
        ("hangs", "test_trouble_is_reported_in_time"),
        ("says done", "test_trouble_is_reported_in_time"),
    ],
)
async def test_a_lying_actuator_is_found(how: str, test: str) -> None:
    """Given an actuator that says done, the suite looks at the world and at the clock."""
    liar = Liar(how)
    case = ActuatorCase(liar, (VerbCase("do", {}, lambda: liar.count, 1),), trouble=(("do", {}),))
    try:
        with pytest.raises(AssertionError):
            await finished(getattr(ActuatorContract(), test)(case))
    finally:
        for child in liar.left:
            child.kill()
            child.wait()


async def finished(test: Awaitable[None] | None) -> None:
    """Some tests of a contract are coroutines, some are not."""
    if test is not None:
        await test


class Optimist:
    """A probe to which everything is fine."""

    info = AdapterInfo("optimist", "Hopes.", "1", ("probe",), probe_options=Nothing)

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        return Sample(name, True), {}


@pytest.mark.parametrize(
    "test",
    [
        "test_a_bad_target_is_bad_and_says_why",
        "test_a_silent_target_ends_in_time",
        "test_an_absent_target_is_never_good",
        "test_garbage_is_survived",
        "test_what_cannot_run_is_neither_good_nor_bad",
    ],
)
async def test_an_optimistic_probe_is_found(test: str) -> None:
    """Given a probe that calls everything good, each test that needs a bad sample fails."""
    case = ProbeCase(Optimist(), {}, {}, {}, {}, absent={}, garbage=({},))
    with pytest.raises(AssertionError):
        await getattr(ProbeContract(), test)(case)
