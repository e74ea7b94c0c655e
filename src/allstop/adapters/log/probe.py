"""Probe `log`: how many lines of a log match a pattern, within the last so many seconds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from allstop.adapters.log import scan
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.programs import StartError, run
from allstop.adapters.mechanisms.text import decoded, last_line, one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_MOST_FOLLOWED = 1000


class LogProbeOptions(Options):
    """Which log, what to look for in it, and how much of that is too much."""

    path: str = Field(min_length=1, title="Path", description="The log, by its full name.")
    pattern: str = Field(
        min_length=1,
        max_length=1000,
        title="Pattern",
        description="Regular expression; a line counts when it is found anywhere in it.",
    )
    ignore_case: bool = Field(
        default=False, title="Ignore case", description="Capital letters are like small ones."
    )
    at_most: int = Field(
        default=0, ge=0, title="At most", description="Lines that may match within the window."
    )
    within_s: int = Field(
        default=60, ge=1, le=86_400, title="Window", description="Seconds back from now that count."
    )
    min_lines: int = Field(
        default=0,
        ge=0,
        title="Lines at least",
        description="Lines of any kind within the window, below which nothing is known.",
    )
    time_field: str = Field(
        default="",
        title="Time field",
        description='Path ("a.b") to the time in lines that are JSON; else see time_pattern.',
    )
    time_pattern: str = Field(
        default="",
        max_length=1000,
        title="Time pattern",
        description="Regular expression whose first group is a line's time; empty: by growth.",
    )
    time_format: str = Field(
        default="iso",
        min_length=1,
        title="Time format",
        description="iso, epoch, epoch_ms, or a strptime format such as %d/%b/%Y:%H:%M:%S %z.",
    )
    time_zone: Literal["utc", "local"] = Field(
        default="utc", title="Time zone", description="Of times that do not say theirs."
    )
    max_bytes: int = Field(
        default=1_000_000,
        ge=1000,
        le=64_000_000,
        title="Bytes at most",
        description="That are read at once; when more was written, nothing is known.",
    )
    max_line: int = Field(
        default=4096,
        ge=10,
        le=65_536,
        title="Longest line",
        description="Bytes of a line that are looked at.",
    )

    @field_validator("pattern", "time_pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _fits(self) -> LogProbeOptions:
        if self.time_field and self.time_pattern:
            raise ValueError("say time_field or time_pattern, not both")
        if self.time_pattern and not re.compile(self.time_pattern).groups:
            raise ValueError("time_pattern needs a group in parentheses around the time")
        return self

    def by_growth(self) -> bool:
        return not self.time_field and not self.time_pattern


@dataclass(slots=True)
class _Followed:
    """What is known of one log from earlier looks.

    whole_since: instant (milliseconds, monotonic) from which on every line was seen; found: instant,
    matches and lines of each look.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    state: dict[str, Any] | None = None
    whole_since: int = 0
    found: list[tuple[int, int, int]] = field(default_factory=list)


class _NotRead(Exception):
    """The log was not read; the text says why."""


class LogProbe:
    """See `info`."""

    info = AdapterInfo(
        name="log",
        summary="Counts the lines of a log that match a pattern within the last seconds.",
        version="1",
        ports=("probe",),
        probe_options=LogProbeOptions,
    )

    def __init__(self) -> None:
        self._looks: HangingLooks[None] = HangingLooks()
        self._followed: dict[LogProbeOptions, _Followed] = {}

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: matches, lines. What cannot be read, or not whole, says nothing good."""
        chosen = read_options(LogProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        try:
            deadline = Deadline.within(timeout_ms)
            await self._answers(chosen.path, deadline)
            if chosen.by_growth():
                known = self._known(chosen)
                async with asyncio.timeout(deadline.left_ms() / 1000):
                    await known.lock.acquire()
                try:
                    good, text, facts = await _by_growth(known, chosen, deadline)
                finally:
                    known.lock.release()
            else:
                good, text, facts = await _by_time(chosen, deadline)
        except _NotRead as error:
            return Sample(name, None, one_line(str(error))), {}
        except (TimeoutError, StillLookingError):
            return Sample(name, None, f"not read within {seconds(timeout_ms)}"), {}
        except OSError as error:
            return Sample(name, None, one_line(str(error))), {}
        return Sample(name, good, text), facts

    async def _answers(self, path: str, deadline: Deadline) -> None:
        """Whether the file system answers at all: who waits in it for ever cannot even be killed."""

        def work() -> None:
            with contextlib.suppress(FileNotFoundError):  # it may be about to be rotated
                Path(path).stat()

        await self._looks.look(path, work, deadline.left_ms())

    def _known(self, options: LogProbeOptions) -> _Followed:
        known = self._followed.pop(options, None) or _Followed()
        # Put back at the end: what was looked at least recently is forgotten first.
        self._followed[options] = known
        if len(self._followed) > _MOST_FOLLOWED:
            del self._followed[next(iter(self._followed))]
        return known


async def _by_growth(
    known: _Followed, options: LogProbeOptions, deadline: Deadline
) -> tuple[bool | None, str, dict[str, Any]]:
    found = await _scanned(options, {"way": "follow", "state": known.state}, deadline)
    now = time.monotonic_ns() // 1_000_000
    if known.state is None:
        # Nothing was written since its last change.
        idle_ms = max(0, int((time.time() - found["changed"]) * 1000))
        known.whole_since = now - idle_ms
    elif found["gap"]:
        known.whole_since = now
    known.state = found["state"]
    earliest = now - options.within_s * 1000
    known.found.append((now, found["matches"], found["lines"]))
    known.found = [one for one in known.found if one[0] >= earliest]
    matches = sum(one[1] for one in known.found)
    lines = sum(one[2] for one in known.found)
    missing = ""
    if known.whole_since > earliest:
        followed = (now - known.whole_since) // 1000
        missing = f"it was followed without a gap for {followed}s only"
        missing += f": {found['gap']}" if found["gap"] else ""
    return _judged(options, matches, lines, missing)


async def _by_time(
    options: LogProbeOptions, deadline: Deadline
) -> tuple[bool | None, str, dict[str, Any]]:
    now = time.time()
    task = {
        "way": "tail", "now": now, "since": now - options.within_s,
        "time_field": options.time_field, "time_pattern": options.time_pattern,
        "time_format": options.time_format, "time_zone": options.time_zone,
    }  # fmt: skip
    found = await _scanned(options, task, deadline)
    missing = "" if found["complete"] else "what was read does not cover it"
    if found["read"] and not found["dated"]:
        missing = "no line has a time as expected"
    return _judged(options, found["matches"], found["lines"], missing)


def _judged(
    options: LogProbeOptions, matches: int, lines: int, missing: str
) -> tuple[bool | None, str, dict[str, Any]]:
    """More than allowed is bad, even when not all was seen; less is good only when all was."""
    facts: dict[str, Scalar] = {"matches": matches, "lines": lines}
    text = f"{matches} of {lines} lines within {options.within_s}s match"
    if matches > options.at_most:
        return False, f"{text}, {options.at_most} may", facts
    if missing:
        return None, f"{text}, but {missing}", facts
    if lines < options.min_lines:
        return None, f"{text}, and {options.min_lines} lines are needed to know", facts
    return True, text, facts


async def _scanned(
    options: LogProbeOptions, task: dict[str, Any], deadline: Deadline
) -> dict[str, Any]:
    """What the scan found. Raises _NotRead."""
    task |= {
        "path": options.path, "pattern": options.pattern, "ignore_case": options.ignore_case,
        "max_bytes": options.max_bytes, "max_line": options.max_line,
    }  # fmt: skip
    argv = [sys.executable, "-I", "-S", scan.__file__, json.dumps(task)]
    try:
        ended = await run(argv, timeout_ms=deadline.left_ms())
    except StartError as error:
        raise _NotRead(str(error)) from error
    if ended.code is None:
        raise _NotRead("the scan did not end in time: the pattern may be to blame")
    if ended.code != 0:
        raise _NotRead(f"the scan broke off: {last_line(ended.errors)}")
    found: dict[str, Any] = json.loads(decoded(ended.output))
    if "error" in found:
        raise _NotRead(found["error"])
    return found
