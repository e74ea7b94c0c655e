"""Probe `cpu`: how many tasks want to run for each core of the coordinator's machine, over some seconds."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.decimals import is_limit, limit_of
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_STAT = Path("/proc/stat")
_EVERY_MS = 50
_HUNDREDTH = Decimal("0.01")


class CpuProbeOptions(Options):
    """For how long to look, and what is too much."""

    load_at_most: int | str | None = Field(
        default=None,
        title="Load",
        description='Tasks that run or wait, for each core, on average; decimals as text ("1.5").',
    )
    busy_percent_at_most: int | None = Field(
        default=None,
        ge=0,
        le=100,
        title="Busy share",
        description="Percent of the time of all cores that was not idle.",
    )
    over_ms: int = Field(
        default=1000,
        ge=100,
        le=60_000,
        title="Duration",
        description="Milliseconds to look for; must fit into the time-out.",
    )

    _number = field_validator("load_at_most")(is_limit)

    @model_validator(mode="after")
    def _asks_something(self) -> CpuProbeOptions:
        if self.load_at_most is None and self.busy_percent_at_most is None:
            raise ValueError("say load_at_most or busy_percent_at_most")
        return self


@dataclass(frozen=True, slots=True)
class _Reading:
    """busy, total: ticks of all cores since boot; wanting: tasks that run or wait now, us not counted."""

    busy: int
    total: int
    wanting: int


class CpuProbe:
    """See `info`."""

    info = AdapterInfo(
        name="cpu",
        summary="Measures the load of each core of the coordinator's machine over some seconds.",
        version="1",
        ports=("probe",),
        probe_options=CpuProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """Looks for as long as asked. Facts: load_per_core, busy_percent, cores."""
        chosen = read_options(CpuProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        if chosen.over_ms > deadline.left_ms():
            took = f"looking for {seconds(chosen.over_ms)} does not fit into {seconds(timeout_ms)}"
            return Sample(name, None, took), {}
        try:
            readings = await _readings(chosen.over_ms)
        except (OSError, ValueError, LookupError) as error:
            return Sample(name, None, one_line(f"the kernel does not say: {error!r}")), {}
        load, busy = _average(readings)
        if busy is None:
            return Sample(name, None, "the kernel's clock of ticks stands still"), {}
        facts: dict[str, Scalar] = {
            "load_per_core": f"{load}", "busy_percent": busy, "cores": os.cpu_count() or 1,
        }  # fmt: skip
        text = f"load {load} a core, {busy} % busy over {seconds(chosen.over_ms)}"
        if chosen.load_at_most is not None and load > limit_of(chosen.load_at_most):
            return Sample(name, False, f"{text}: more than {chosen.load_at_most}"), dict(facts)
        most = chosen.busy_percent_at_most
        if most is not None and busy > most:
            return Sample(name, False, f"{text}: more than {most} %"), dict(facts)
        return Sample(name, True, text), dict(facts)


async def _readings(over_ms: int) -> list[_Reading]:
    loop = asyncio.get_running_loop()
    end = loop.time() + over_ms / 1000
    readings = [_reading()]
    while loop.time() < end:
        await asyncio.sleep(min(_EVERY_MS / 1000, max(0.0, end - loop.time())))
        readings.append(_reading())
    return readings


def _reading() -> _Reading:
    lines = {}
    for line in _STAT.read_text("ascii").splitlines():
        key, _, rest = line.partition(" ")
        lines[key] = rest.split()
    # user nice system idle iowait irq softirq steal; what follows is contained in the first two.
    ticks = [int(each) for each in lines["cpu"][:8]]
    wanting = int(lines["procs_running"][0]) - 1 + int(lines["procs_blocked"][0])
    return _Reading(sum(ticks) - ticks[3] - ticks[4], sum(ticks), max(0, wanting))


def _average(readings: list[_Reading]) -> tuple[Decimal, int | None]:
    """Tasks a core, and the busy share in percent; None when no tick has passed."""
    wanting = Decimal(sum(one.wanting for one in readings)) / len(readings)
    load = (wanting / (os.cpu_count() or 1)).quantize(_HUNDREDTH)
    total = readings[-1].total - readings[0].total
    if total <= 0:
        return load, None
    return load, min(100, max(0, (readings[-1].busy - readings[0].busy) * 100 // total))
