"""Probe `process`: whether a process runs, or is provably gone, with what it holds open.

It looks in another way than the actuator does (pidfd, process group and port instead of `/proc` alone),
so that one mistake cannot both do the work and prove it.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import Field, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.pid_file import NoPid
from allstop.adapters.mechanisms.ports_open import reaches
from allstop.adapters.mechanisms.process_handle import ProcessHandle, group_members
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.adapters.process import at_once
from allstop.adapters.process.naming import InDoubt, Named, find
from allstop.adapters.process.tree import counted
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample


class ProcessProbeOptions(Options):
    """Which process, and what is good."""

    pid_file: str = Field(
        min_length=1,
        title="Pid file",
        description='File with its number, or JSON {"pid": n, "create_time": seconds}.',
    )
    word: str = Field(
        default="",
        title="Word",
        description="Whole word of its command line; a process without it is another.",
    )
    expect: Literal["running", "gone", "frozen"] = Field(
        default="running",
        title="Expected",
        description="gone: neither it nor anybody of its group is left; frozen: none of them can run.",
    )
    host: str = Field(
        default="127.0.0.1", min_length=1, title="Host", description="Where its port is."
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        title="Port",
        description="TCP port that must be open when it runs, and refuse when it is gone.",
    )

    @model_validator(mode="after")
    def _fits(self) -> ProcessProbeOptions:
        if self.expect == "frozen" and self.port is not None:
            raise ValueError("the port of a frozen process proves nothing: connections are taken")
        return self


class State(StrEnum):
    """What can be seen of it. half-frozen: others of its group can run; remains: it has ended, others of
    its group have not; unnamed: there is no pid file, and nothing else to look for."""

    RUNNING = "running"
    FROZEN = "frozen"
    HALF_FROZEN = "half-frozen"
    REMAINS = "remains"
    GONE = "gone"
    UNNAMED = "unnamed"
    UNKNOWN = "unknown"


# What each state is worth; None: nothing is known. An open port, or a closed one, comes on top.
_WORTH: dict[str, dict[State, bool | None]] = {
    "running": {State.RUNNING: True, State.UNKNOWN: None},
    "frozen": {State.FROZEN: True, State.UNKNOWN: None},
    "gone": {State.GONE: True, State.UNNAMED: None, State.UNKNOWN: None},
}


@dataclass(frozen=True, slots=True)
class Look:
    """One look past the actuator."""

    state: State
    text: str
    facts: dict[str, Scalar] = field(default_factory=dict)


class ProcessProbe:
    """See `info`."""

    info = AdapterInfo(
        name="process",
        summary="Looks whether a process runs, or is gone with its group and its port.",
        version="1",
        ports=("probe",),
        probe_options=ProcessProbeOptions,
    )

    def __init__(self) -> None:
        self._looks: HangingLooks[Look] = HangingLooks()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: pid, rss_bytes, threads, uptime_s."""
        chosen = read_options(ProcessProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        seen = _seen_at_once(chosen)
        file, word = Path(chosen.pid_file), chosen.word
        try:
            if seen is None:
                seen = await self._looks.look(
                    (file, word), lambda: _look(file, word), deadline.left_ms()
                )
        except StillLookingError as error:
            return Sample(name, None, str(error)), {}
        except TimeoutError:
            return Sample(name, None, f"no end within {seconds(timeout_ms)}"), {}
        good, text = await _judged(chosen, seen, deadline)
        return Sample(name, good, one_line(text)), dict(seen.facts)


async def _judged(
    options: ProcessProbeOptions, seen: Look, deadline: Deadline
) -> tuple[bool | None, str]:
    good = _WORTH[options.expect].get(seen.state, False)
    if not good or options.port is None:
        return good, seen.text
    is_open, answer = await reaches(options.host, options.port, deadline)
    text = f"{seen.text}; port {options.port}: {answer}"
    if options.expect == "running":
        return bool(is_open), text
    return None if is_open is None else not is_open, text


def _seen_at_once(options: ProcessProbeOptions) -> Look | None:
    """That it is gone, where that is asked for and easily seen."""
    if options.expect != "gone":
        return None
    why = at_once.gone_with_its_group(options.pid_file)
    return Look(State.GONE, why) if why is not None else None


def _look(file: Path, word: str) -> Look:
    try:
        named = find(file, word)
    except InDoubt as error:
        return Look(State.UNKNOWN, str(error))
    except NoPid as error:
        absent = not os.path.lexists(file) and file.parent.is_dir()
        return Look(State.UNNAMED if absent else State.UNKNOWN, str(error))
    return _ended(named) if named.process is None else _alive(named.process)


def _alive(process: psutil.Process) -> Look:
    pid = process.pid
    try:
        handle = ProcessHandle(pid)
        ended = handle.has_ended()
        handle.close()
        if ended:
            raise ProcessLookupError
        with process.oneshot():
            facts: dict[str, Scalar] = {
                "pid": pid,
                "rss_bytes": process.memory_info().rss,
                "threads": process.num_threads(),
                "uptime_s": max(0, int(time.time() - process.create_time())),
            }
            state = process.status()
    except (ProcessLookupError, psutil.NoSuchProcess):
        return _ended(Named(pid, None, f"process {pid} has just ended"))
    except (OSError, psutil.Error) as error:
        return Look(State.UNKNOWN, f"process {pid} cannot be looked at: {error}")
    if state == psutil.STATUS_STOPPED:
        running = [one for one in group_members(pid)[0] if not _is_stopped(one)]
        if running:
            text = f"process {pid} is frozen, but {counted(len(running))} of its group can run"
            return Look(State.HALF_FROZEN, text, facts)
        return Look(State.FROZEN, f"process {pid} is frozen", facts)
    return Look(State.RUNNING, f"process {pid} runs", facts)


def _is_stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True  # it has ended meanwhile


def _ended(named: Named) -> Look:
    if named.pid:
        try:
            handle = ProcessHandle(named.pid)
        except ProcessLookupError:
            pass
        else:
            ended = handle.has_ended()
            handle.close()
            if not ended:
                return Look(State.UNKNOWN, f"{named.why}, and yet one of that number lives")
        living = group_members(named.pid)[0]
        if living:
            return Look(State.REMAINS, f"{named.why}, but {counted(len(living))} of its group live")
    return Look(State.GONE, named.why)
