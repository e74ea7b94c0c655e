"""Gates over samples: what counts as stable, and what nobody may conclude."""

import pytest

from allstop.domain.samples import GateProgress, Sample, Standing, advance

INTERVAL = 1000


class Watching:
    """A gate of 5 seconds and 3 samples, fed by hand."""

    def __init__(self, probes: tuple[str, ...] = ("deep",)) -> None:
        self.gate = GateProgress("g", probes, window_ms=5000, min_samples=3)
        self.at = 0

    def see(
        self,
        good: bool | None = True,
        *,
        later: int = INTERVAL,
        boot: str = "b1",
        probe: str = "deep",
    ) -> "Watching":
        self.at += later
        samples = {probe: Sample(probe, good, "seen")}
        self.gate = advance(self.gate, samples, self.at, boot, INTERVAL)
        return self

    def times(self, count: int) -> "Watching":
        for _ in range(count):
            self.see()
        return self

    @property
    def standing(self) -> Standing:
        return self.gate.standing()


def test_without_a_sample_nothing_is_concluded() -> None:
    assert Watching().standing is Standing.INCONCLUSIVE


def test_it_passes_when_the_intervals_of_good_samples_fill_the_window() -> None:
    watching = Watching().times(5)
    assert watching.standing is Standing.WAITING
    assert watching.times(1).standing is Standing.PASS
    assert watching.gate.stable_ms == 5000


def test_too_few_samples_do_not_pass_however_long_they_took() -> None:
    watching = Watching().see().see(later=2000)
    assert watching.gate.stable_ms == 2000
    assert watching.standing is Standing.WAITING


def test_a_bad_sample_starts_it_again_from_nothing() -> None:
    watching = Watching().times(5).see(False)
    assert (watching.gate.stable_ms, watching.gate.resets) == (0, 1)
    assert watching.standing is Standing.FAILING
    assert watching.times(5).standing is Standing.WAITING
    assert watching.times(1).standing is Standing.PASS


def test_a_gap_of_more_than_two_intervals_counts_nothing_and_is_inconclusive() -> None:
    watching = Watching().times(6).see(later=2001)
    assert watching.standing is Standing.INCONCLUSIVE
    assert watching.gate.stable_ms == 5000
    assert watching.times(1).standing is Standing.INCONCLUSIVE
    assert watching.times(1).standing is Standing.PASS
    assert watching.gate.stable_ms == 7000


def test_a_gap_of_exactly_two_intervals_counts() -> None:
    watching = Watching().times(2).see(later=2000)
    assert watching.gate.stable_ms == 3000
    assert watching.gate.gaps == 0


def test_another_boot_is_a_gap_because_its_clock_does_not_compare() -> None:
    watching = Watching().times(6).see(boot="b2")
    assert watching.standing is Standing.INCONCLUSIVE
    assert watching.gate.stable_ms == 5000


def test_a_clock_that_went_backwards_is_a_gap() -> None:
    watching = Watching().times(6).see(later=-500)
    assert watching.standing is Standing.INCONCLUSIVE
    assert watching.gate.stable_ms == 5000


def test_a_probe_that_could_not_run_neither_passes_nor_fails() -> None:
    watching = Watching().times(6).see(None)
    assert watching.standing is Standing.INCONCLUSIVE
    assert watching.gate.stable_ms == 5000


def test_a_round_without_the_probe_is_inconclusive() -> None:
    watching = Watching().times(6).see(probe="other")
    assert watching.standing is Standing.INCONCLUSIVE


@pytest.mark.parametrize("missing", ["deep", "route"])
def test_one_probe_missing_of_two_is_inconclusive_too(missing: str) -> None:
    """Half an answer once left a passed gate passed."""
    watching = Watching(("deep", "route"))
    for _ in range(6):
        watching.at += INTERVAL
        samples = {name: Sample(name, True) for name in ("deep", "route")}
        watching.gate = advance(watching.gate, samples, watching.at, "b1", INTERVAL)
    before = watching.standing
    watching.see(probe="deep" if missing == "route" else "route")
    assert (before, watching.standing) == (Standing.PASS, Standing.INCONCLUSIVE)


def test_a_bad_sample_counts_even_when_another_one_is_missing() -> None:
    watching = Watching(("deep", "route")).see(False)
    assert watching.gate.trouble.startswith("bad: deep")
    assert watching.standing is Standing.FAILING


def test_zero_elapsed_time_adds_nothing() -> None:
    watching = Watching().times(2).see(later=0)
    assert watching.gate.stable_ms == 1000
