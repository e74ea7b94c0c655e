"""Probe `memory`: whether the coordinator's machine has memory left."""

from __future__ import annotations

from typing import Any

import psutil
from pydantic import Field, model_validator

from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample


class MemoryProbeOptions(Options):
    """How much must be available."""

    available_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        title="Available share",
        description="Percent of the memory that must be available without swapping.",
    )
    available_bytes: int | None = Field(
        default=None, ge=0, title="Available memory", description="Bytes that must be available."
    )

    @model_validator(mode="after")
    def _asks_something(self) -> MemoryProbeOptions:
        if self.available_percent is None and self.available_bytes is None:
            raise ValueError("say available_percent or available_bytes")
        return self


class MemoryProbe:
    """See `info`."""

    info = AdapterInfo(
        name="memory",
        summary="Looks how much memory is available on the coordinator's machine.",
        version="1",
        ports=("probe",),
        probe_options=MemoryProbeOptions,
    )

    async def measure(
        self,
        name: str,
        options: dict[str, Any],
        timeout_ms: int,  # noqa: ARG002 - read from the kernel's memory: nobody to wait for
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: available_bytes, total_bytes, available_percent, swap_used_bytes."""
        chosen = read_options(MemoryProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        try:
            memory, swap = psutil.virtual_memory(), psutil.swap_memory()
            percent = memory.available * 100 // memory.total
        except (psutil.Error, OSError, RuntimeError, ArithmeticError) as error:
            return Sample(name, None, one_line(f"the kernel does not say: {error}")), {}
        facts: dict[str, Scalar] = {
            "available_bytes": memory.available,
            "total_bytes": memory.total,
            "available_percent": percent,
            "swap_used_bytes": swap.used,
        }
        text = f"{percent} % ({memory.available} bytes) available"
        share, room = chosen.available_percent, chosen.available_bytes
        if share is not None and percent < share:
            return Sample(name, False, f"{text}, not {share} %"), dict(facts)
        if room is not None and memory.available < room:
            return Sample(name, False, f"{text}, not {room} bytes"), dict(facts)
        return Sample(name, True, text), dict(facts)
