"""Probe `disk`: whether a file system has room left."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample


class DiskProbeOptions(Options):
    """Where, and how much must be free."""

    path: str = Field(
        min_length=1, title="Path", description="Any path on the file system that is meant."
    )
    free_percent: int | None = Field(
        default=None, ge=0, le=100, title="Free share", description="Percent that must be free."
    )
    free_bytes: int | None = Field(
        default=None, ge=0, title="Free room", description="Bytes that must be free."
    )
    free_inodes_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        title="Free inodes",
        description="Percent of its inodes that must be free; many small files use them up.",
    )
    mount_point: bool = Field(
        default=False,
        title="Mount point",
        description="Something must be mounted at the path; else the disk below would be measured.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> DiskProbeOptions:
        if self.free_percent is self.free_bytes is self.free_inodes_percent is None:
            raise ValueError("say free_percent, free_bytes or free_inodes_percent")
        return self


@dataclass(frozen=True, slots=True)
class _Room:
    """In bytes, as those see it who are not root. inodes_percent: None where there is no such limit."""

    free: int
    total: int
    inodes_percent: int | None
    read_only: bool
    mounted: bool

    @property
    def percent(self) -> int:
        return self.free * 100 // self.total

    def facts(self) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {
            "free_bytes": self.free,
            "total_bytes": self.total,
            "free_percent": self.percent,
            "read_only": self.read_only,
        }
        if self.inodes_percent is not None:
            found["free_inodes_percent"] = self.inodes_percent
        return found


class DiskProbe:
    """See `info`."""

    info = AdapterInfo(
        name="disk",
        summary="Looks how much room a file system has left.",
        version="1",
        ports=("probe",),
        probe_options=DiskProbeOptions,
    )

    def __init__(self) -> None:
        self._looks: HangingLooks[_Room] = HangingLooks()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: free_bytes, total_bytes, free_percent, free_inodes_percent, read_only."""
        chosen = read_options(DiskProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        path, left = chosen.path, Deadline.within(timeout_ms).left_ms()
        try:
            room = await self._looks.look(path, lambda: _room(path), left)
        except StillLookingError as error:
            return Sample(name, None, str(error)), {}
        except TimeoutError:
            return Sample(name, None, f"the disk does not answer within {seconds(timeout_ms)}"), {}
        except (OSError, ValueError) as error:
            return Sample(name, None, one_line(str(error))), {}
        if not room.total:
            return Sample(name, None, "this file system does not say how large it is"), {}
        good, text = _judged(chosen, room)
        return Sample(name, good, text), dict(room.facts())


def _room(path: str) -> _Room:
    found = os.statvfs(path)
    inodes = found.f_favail * 100 // found.f_files if found.f_files else None
    # What is reserved for root counts neither as free nor as part of the whole, as `df` has it.
    free = found.f_bavail * found.f_frsize
    total = (found.f_blocks - found.f_bfree + found.f_bavail) * found.f_frsize
    read_only = bool(found.f_flag & os.ST_RDONLY)
    return _Room(free, total, inodes, read_only, os.path.ismount(path))


def _judged(options: DiskProbeOptions, room: _Room) -> tuple[bool | None, str]:
    text = f"{room.percent} % ({room.free} bytes) free"
    if options.mount_point and not room.mounted:
        return False, "nothing is mounted there"
    if options.free_percent is not None and room.percent < options.free_percent:
        return False, f"{text}, not {options.free_percent} %"
    if options.free_bytes is not None and room.free < options.free_bytes:
        return False, f"{text}, not {options.free_bytes} bytes"
    wanted = options.free_inodes_percent
    if wanted is not None and room.inodes_percent is not None and room.inodes_percent < wanted:
        return False, f"{text}, but {room.inodes_percent} % of the inodes, not {wanted} %"
    return True, text
