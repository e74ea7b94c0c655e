"""The contract of actuators (notifiers and agent runtimes too). Provide a fixture `case`.

The world is looked at past the adapter, never by what it returns: a verb that says "done" and did
nothing fails here. The tests are coroutines: run them with pytest-asyncio in automatic mode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from allstop.application.ports import Actuator, Ready, VerbInfo, Verifiable
from allstop.domain.effects import Effect, Ending, Lane, Outcome, Purpose, Repeat
from allstop.testing.contracts.fitness import Watch, check_facts, check_model, check_sentence

PROMPT_MS = 10_000
SHORT_MS = 1000
EPOCH = 5


@dataclass(frozen=True)
class VerbCase:
    """One verb with a piece of the world of its own.

    look: that piece, seen without the adapter; reached: what `look` gives once the verb is done,
    however often. fenced: the verb must refuse an epoch lower than one it has seen.
    """

    verb: str
    options: dict[str, Any]
    look: Callable[[], object]
    reached: object
    fenced: bool = False


@dataclass(frozen=True)
class ActuatorCase:
    """An actuator in a world. trouble: (verb, options) of targets that hang, refuse, talk nonsense.

    mark: value of ALLSTOP_CONTRACT in the environment of programs that the options start.
    """

    actuator: Actuator
    verbs: tuple[VerbCase, ...]
    trouble: tuple[tuple[str, dict[str, Any]], ...] = ()
    mark: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)

    def keep(self, body: bytes) -> str:
        """Keeps evidence in memory."""
        digest = hashlib.sha256(body).hexdigest()
        self.blobs[digest] = body
        return digest


def effect(
    verb: str, options: dict[str, Any], epoch: int = EPOCH, timeout_ms: int = PROMPT_MS
) -> Effect:
    """A request as the outbox would hand it over."""
    return Effect(
        id=f"contract:{verb}/{epoch}",
        stream="contract",
        purpose=Purpose.STEP,
        ref="the-ref",
        adapter="contract",
        verb=verb,
        target="the-target",
        options=options,
        lane=Lane.COMMAND,
        timeout_ms=timeout_ms,
        epoch=epoch,
    )


class ActuatorContract:
    """What every actuator must do."""

    async def acted(self, case: ActuatorCase, wanted: Effect) -> Outcome:
        """One attempt, with everything checked that holds for all of them."""
        watch = Watch(case.mark)
        outcome = await case.actuator.act(wanted, case.keep)
        watch.check(wanted.timeout_ms)
        self.fit(case, outcome)
        return outcome

    async def observed(self, case: ActuatorCase, wanted: Effect) -> Outcome:
        """One observation, checked the same way."""
        watch = Watch(case.mark)
        outcome = await case.actuator.observe(wanted)
        watch.check(wanted.timeout_ms)
        self.fit(case, outcome)
        assert outcome.ending is not Ending.RETRY, "observe answers done, failed or unknown"
        return outcome

    async def looked(
        self, case: ActuatorCase, verb: str, options: dict[str, Any], timeout_ms: int = PROMPT_MS
    ) -> Outcome:
        """Whether it could act, as a preflight asks."""
        watch, actuator = Watch(case.mark), case.actuator
        if isinstance(actuator, Ready):
            outcome = await actuator.ready(verb, options, timeout_ms)
        else:
            assert isinstance(actuator, Verifiable), "it cannot say whether it could act"
            outcome = await actuator.verify(options, timeout_ms)
        watch.check(timeout_ms)
        self.fit(case, outcome)
        assert outcome.ending is not Ending.RETRY, "a look answers done, failed or unknown"
        return outcome

    def fit(self, case: ActuatorCase, outcome: Outcome) -> None:
        check_sentence(outcome.because)
        check_facts(dict(outcome.facts))
        assert outcome.because or outcome.ending is Ending.DONE, "say why"
        assert not outcome.evidence or outcome.evidence in case.blobs, "evidence was not kept"
        assert outcome.after_ms >= 0

    def verb(self, case: ActuatorCase, name: str) -> VerbInfo:
        found = case.actuator.info.verb(name)
        assert found is not None, f"{name} is not declared"
        return found

    def test_it_says_what_it_is(self, case: ActuatorCase) -> None:
        """Given an actuator, its info explains every verb, and inverses exist."""
        info = case.actuator.info
        assert info.name
        assert info.summary
        assert set(info.ports) & {"actuator", "notifier", "agent"}
        for verb in info.verbs:
            assert verb.summary
            check_model(verb.options)
            assert not verb.inverse or info.verb(verb.inverse)

    def test_every_verb_is_under_contract(self, case: ActuatorCase) -> None:
        """Given the declared verbs, each has a case: none escapes the tests below."""
        declared = {verb.name for verb in case.actuator.info.verbs}
        assert {one.verb for one in case.verbs} == declared

    async def test_doing_it_twice_is_doing_it_once(self, case: ActuatorCase) -> None:
        """Given a verb, when the same effect is done twice, the world looks as after the first."""
        for one in case.verbs:
            wanted = effect(one.verb, one.options)
            first = await self.acted(case, wanted)
            assert first.ending is Ending.DONE, f"{one.verb}: {first.because}"
            assert one.look() == one.reached, one.verb
            if self.verb(case, one.verb).repeat is not Repeat.ONCE:
                again = await self.acted(case, wanted)
                assert again.ending is Ending.DONE, f"{one.verb}: {again.because}"
                assert one.look() == one.reached, f"{one.verb} twice"

    async def test_reading_changes_nothing(self, case: ActuatorCase) -> None:
        """Given a read-only verb, when done, then the world looks as before."""
        for one in case.verbs:
            if self.verb(case, one.verb).read_only:
                before = one.look()
                await self.acted(case, effect(one.verb, one.options))
                assert one.look() == before, one.verb

    async def test_observing_tells_done_from_not_done(self, case: ActuatorCase) -> None:
        """Given a verb, observing never claims what was not done, and never changes anything.

        A verb declared `probe` must also recognise its own deed.
        """
        for one in case.verbs:
            wanted = effect(one.verb, one.options)
            before = one.look()
            early = await self.observed(case, wanted)
            assert early.ending is not Ending.DONE, f"{one.verb} was not done: {early.because}"
            assert one.look() == before, f"observing {one.verb} changed something"
            if self.verb(case, one.verb).repeat is Repeat.PROBE:
                assert early.ending is Ending.FAILED, one.verb
                await self.acted(case, wanted)
                late = await self.observed(case, wanted)
                assert late.ending is Ending.DONE, f"{one.verb} was done: {late.because}"
                other = await self.observed(case, replace(wanted, id="contract:somebody-else"))
                assert other.ending is not Ending.DONE, "took another effect's deed for its own"

    async def test_saying_whether_it_could_act_changes_nothing(self, case: ActuatorCase) -> None:
        """Given a verb that could be done, it says so before anything is done, and nothing has happened by that;
        with options that no verb takes it says no."""
        for one in case.verbs:
            before = one.look()
            seen = await self.looked(case, one.verb, one.options)
            assert seen.ending is Ending.DONE, f"{one.verb}: {seen.because}"
            wrong = await self.looked(case, one.verb, {"surplus": 1})
            assert wrong.ending is Ending.FAILED, f"{one.verb} with wrong options: {wrong.because}"
            assert one.look() == before, (
                f"looking whether {one.verb} could be done changed something"
            )

    async def test_whether_it_could_act_is_said_in_time(self, case: ActuatorCase) -> None:
        """Given targets that hang, refuse or talk nonsense, it says something, and in time."""
        for verb, options in case.trouble:
            await self.looked(case, verb, options, SHORT_MS)

    async def test_the_inverse_undoes_it(self, case: ActuatorCase) -> None:
        """Given a verb with an inverse, when both are done, then the world looks as before."""
        for one in case.verbs:
            inverse = self.verb(case, one.verb).inverse
            if inverse:
                before = one.look()
                await self.acted(case, effect(one.verb, one.options))
                assert one.look() == one.reached
                undone = await self.acted(case, effect(inverse, one.options, EPOCH + 1))
                assert undone.ending is Ending.DONE, undone.because
                assert one.look() == before, f"{inverse} after {one.verb}"

    async def test_an_older_order_is_refused(self, case: ActuatorCase) -> None:
        """Given a fenced verb that has seen an epoch, a lower one fails and changes nothing."""
        for one in case.verbs:
            if one.fenced:
                await self.acted(case, effect(one.verb, one.options))
                before = one.look()
                late = await self.acted(case, effect(one.verb, one.options, EPOCH - 1))
                assert late.ending is Ending.FAILED, one.verb
                assert one.look() == before, one.verb

    async def test_bad_requests_fail_and_change_nothing(self, case: ActuatorCase) -> None:
        """Given unknown verbs or options, the effect fails at once and nothing has happened."""
        for one in case.verbs:
            before = one.look()
            for wanted in (
                effect(one.verb, {}),
                effect(one.verb, {**one.options, "surplus": 1}),
                effect("no-such-verb", one.options),
            ):
                outcome = await self.acted(case, wanted)
                assert outcome.ending is Ending.FAILED, wanted
            assert one.look() == before, one.verb

    async def test_trouble_is_reported_in_time(self, case: ActuatorCase) -> None:
        """Given targets that hang, refuse or talk nonsense, it is not done, and in time."""
        for verb, options in case.trouble:
            outcome = await self.acted(case, effect(verb, options, timeout_ms=SHORT_MS))
            assert outcome.ending is not Ending.DONE, f"{verb} {options}: {outcome.because}"
