"""Probe `supervisor`: whether a program is RUNNING in the eyes of its supervisord."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.supervisor.calls import NoAnswer, Place, Supervisord
from allstop.adapters.supervisor.options import TargetOptions
from allstop.adapters.supervisor.states import ENDED, Unfit, settled
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample


class SupervisorProbeOptions(TargetOptions):
    """Which program, and what is good."""

    expect: Literal["running", "stopped"] = Field(
        default="running",
        title="Expected",
        description="running: RUNNING, and nothing else; stopped: STOPPED, EXITED or FATAL.",
    )


class SupervisorProbe:
    """See `info`."""

    info = AdapterInfo(
        name="supervisor",
        summary="Asks a supervisord whether a program is RUNNING.",
        version="1",
        ports=("probe",),
        probe_options=SupervisorProbeOptions,
    )

    def __init__(self) -> None:
        self._places: dict[Place, Supervisord] = {}

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: state, pid, uptime_s. A supervisord that does not answer says nothing."""
        chosen = read_options(SupervisorProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        place = Place.of(chosen)
        supervisord = self._places.setdefault(place, Supervisord(place))
        try:
            seen = await settled(supervisord, chosen.process, Deadline.within(timeout_ms))
        except (Unfit, NoAnswer) as error:
            return Sample(name, None, str(error)), {}
        good: bool | None = seen.state == "RUNNING"
        if chosen.expect == "stopped":
            good = seen.state in ENDED
        if seen.state == "UNKNOWN":
            good = None
        return Sample(name, good, seen.words()), dict(seen.facts())
