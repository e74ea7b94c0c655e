"""The contract of probes. Subclass `ProbeContract` and provide a fixture `case`.

    class TestMyProbe(ProbeContract):
        @pytest.fixture
        def case(self) -> ProbeCase: ...

The tests are coroutines: run them with pytest-asyncio (or anyio) in automatic mode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allstop.application.ports import Probe
from allstop.testing.contracts.fitness import Watch, check_facts, check_model, check_sentence

PROMPT_MS = 5000
SHORT_MS = 700


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class ProbeCase:
    """A probe and real targets for it, as options.

    good, bad: it answers well, badly; absent: nobody is there (None: cannot be for this probe);
    silent: it never answers; garbage: it answers, but not sense; impossible: no such target can be;
    look: what the world looks like, seen without the probe; mark: value of ALLSTOP_CONTRACT in the
    environment of programs that the options start.
    """

    probe: Probe
    good: dict[str, Any]
    bad: dict[str, Any]
    silent: dict[str, Any]
    impossible: dict[str, Any]
    absent: dict[str, Any] | None = None
    garbage: tuple[dict[str, Any], ...] = ()
    look: Callable[[], object] = _nothing
    mark: str = ""


class ProbeContract:
    """What every probe must do."""

    async def measured(
        self, case: ProbeCase, options: dict[str, Any], timeout_ms: int = PROMPT_MS
    ) -> tuple[bool | None, str, dict[str, Any]]:
        """One measurement, with everything checked that holds for all of them."""
        watch = Watch(case.mark)
        sample, facts = await case.probe.measure("the-probe", options, timeout_ms)
        watch.check(timeout_ms)
        assert sample.probe == "the-probe"
        check_sentence(sample.text)
        check_facts(facts)
        return sample.good, sample.text, facts

    def test_it_says_what_it_is(self, case: ProbeCase) -> None:
        """Given a probe, its info names it, names the port, and explains every option."""
        info = case.probe.info
        assert info.name
        assert info.summary
        assert "probe" in info.ports
        assert info.probe_options is not None
        check_model(info.probe_options)

    async def test_a_good_target_is_good_each_time(self, case: ProbeCase) -> None:
        """Given a target in order, when measured twice, then both samples are good, nothing changed."""
        before = case.look()
        for _ in range(2):
            good, text, _ = await self.measured(case, case.good)
            assert good is True, text
        assert case.look() == before

    async def test_a_bad_target_is_bad_and_says_why(self, case: ProbeCase) -> None:
        """Given a target that answers wrongly, then the sample is bad and says what was seen."""
        good, text, _ = await self.measured(case, case.bad)
        assert good is False
        assert text

    async def test_an_absent_target_is_never_good(self, case: ProbeCase) -> None:
        """Given nobody there, then the sample is not good and says so."""
        if case.absent is None:
            return
        good, text, _ = await self.measured(case, case.absent)
        assert good is not True
        assert text

    async def test_a_silent_target_ends_in_time(self, case: ProbeCase) -> None:
        """Given a target that never answers, then it is not good, and the time-out holds."""
        good, text, _ = await self.measured(case, case.silent, SHORT_MS)
        assert good is not True
        assert text

    async def test_garbage_is_survived(self, case: ProbeCase) -> None:
        """Given answers without sense, then nothing is raised and nothing is called good."""
        for options in case.garbage:
            good, text, _ = await self.measured(case, options, 2000)
            assert good is not True, f"{options} was called good: {text}"

    async def test_what_cannot_run_is_neither_good_nor_bad(self, case: ProbeCase) -> None:
        """Given options that can never work, then the probe could not run, and says why."""
        for options in (case.impossible, {}, {"no-such-option": 1}, {**case.good, "surplus": 1}):
            good, text, facts = await self.measured(case, options)
            assert good is None, f"{options} gave {good}: {text}"
            assert text
            assert facts == {}
