"""Samples of probes, and the progress of a gate over them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from allstop.domain.copying import replace


@dataclass(frozen=True, slots=True)
class Sample:
    """good: True, False, or None when the probe itself could not run; text: what was seen."""

    probe: str
    good: bool | None
    text: str = ""


class Standing(StrEnum):
    """The state of a gate. Zero samples is inconclusive, never a pass."""

    PASS = "pass"  # noqa: S105 (the name of a verdict)
    WAITING = "waiting"
    FAILING = "failing"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class GateProgress:
    """What a gate has seen since it began.

    stable_ms is the sum of intervals between consecutive good samples: wall-clock steps cannot
    move it. A bad sample restarts it. A gap of more than two intervals counts nothing, and the gate
    is inconclusive until `min_samples` good samples have followed it.
    """

    key: str
    probes: tuple[str, ...]
    window_ms: int
    min_samples: int
    good_run: int = 0
    run_since_gap: int = 0
    stable_ms: int = 0
    samples: int = 0
    resets: int = 0
    gaps: int = 0
    last_ms: int = -1
    boot: str = ""
    trouble: str = ""

    def standing(self) -> Standing:
        if self.trouble and self.good_run == 0:
            return Standing.FAILING if self.trouble.startswith("bad") else Standing.INCONCLUSIVE
        if self.samples == 0 or (self.gaps and self.run_since_gap < self.min_samples):
            return Standing.INCONCLUSIVE
        if self.good_run >= self.min_samples and self.stable_ms >= self.window_ms:
            return Standing.PASS
        return Standing.WAITING


def advance(
    gate: GateProgress, samples: dict[str, Sample], monotonic_ms: int, boot: str, interval_ms: int
) -> GateProgress:
    """The progress after one round of samples. A bad one counts, whatever else is missing."""
    seen = [samples[name] for name in gate.probes if name in samples]
    bad = next((sample for sample in seen if sample.good is False), None)
    if bad is not None:
        return replace(
            gate,
            good_run=0,
            run_since_gap=0,
            stable_ms=0,
            samples=gate.samples + 1,
            gaps=0,
            resets=gate.resets + (1 if gate.good_run else 0),
            last_ms=monotonic_ms,
            boot=boot,
            trouble=f"bad: {bad.probe}: {bad.text}",
        )
    if not seen or len(seen) < len(gate.probes):
        missing = ", ".join(name for name in gate.probes if name not in samples)
        return replace(gate, good_run=0, trouble=f"no sample of {missing}")
    lame = next((sample for sample in seen if sample.good is None), None)
    if lame is not None:
        return replace(gate, good_run=0, trouble=f"{lame.probe} could not run: {lame.text}")
    elapsed = monotonic_ms - gate.last_ms if gate.last_ms >= 0 and boot == gate.boot else None
    known = gate.last_ms < 0 or (elapsed is not None and 0 <= elapsed <= 2 * interval_ms)
    counted = elapsed if known and elapsed is not None and gate.good_run > 0 else 0
    return replace(
        gate,
        good_run=gate.good_run + 1,
        run_since_gap=gate.run_since_gap + 1 if known else 1,
        stable_ms=gate.stable_ms + counted,
        samples=gate.samples + 1,
        gaps=gate.gaps if known else gate.gaps + 1,
        last_ms=monotonic_ms,
        boot=boot,
        trouble="" if known else "nobody watched for a while",
    )
