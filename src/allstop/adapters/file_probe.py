"""Probe `file`: whether a file is there, fresh, large enough, and the very one that is meant."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample

_CHUNK = 1_048_576
# A file from the future stays fresh for ever; clocks of a file server may differ a little.
_FUTURE_SECONDS = 60


class FileProbeOptions(Options):
    """Which file, and what is good."""

    path: str = Field(min_length=1, title="Path", description="The file, by its full name.")
    expect: Literal["exists", "absent"] = Field(
        default="exists",
        title="Expected",
        description="absent: good when its folder is there and the file is not.",
    )
    max_age_s: int | None = Field(
        default=None,
        ge=0,
        title="Age",
        description="Seconds since its last change, at most.",
    )
    min_bytes: int | None = Field(
        default=None, ge=0, title="Size", description="Bytes it must have at least."
    )
    sha256: str = Field(
        default="", title="Digest", description="SHA-256 of its content, in hexadecimal digits."
    )

    @field_validator("sha256")
    @classmethod
    def _is_digest(cls, value: str) -> str:
        if value and (len(value) != 64 or set(value.lower()) - set("0123456789abcdef")):
            raise ValueError("write 64 hexadecimal digits")
        return value.lower()

    @model_validator(mode="after")
    def _fits(self) -> FileProbeOptions:
        asked = self.max_age_s is not None or self.min_bytes is not None or self.sha256
        if self.expect == "absent" and asked:
            raise ValueError("a file that is to be absent has no age, size or digest")
        return self


_Seen = tuple[bool | None, str, dict[str, Any]]


class FileProbe:
    """See `info`."""

    info = AdapterInfo(
        name="file",
        summary="Looks whether a file is there (or not), how old, how large, and with what content.",
        version="1",
        ports=("probe",),
        probe_options=FileProbeOptions,
    )

    def __init__(self) -> None:
        self._looks: HangingLooks[_Seen] = HangingLooks()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. Facts: bytes, age_s. What cannot be read says nothing."""
        chosen = read_options(FileProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        try:
            good, text, facts = await self._looks.look(
                chosen, lambda: _look(chosen, deadline), deadline.left_ms()
            )
        except StillLookingError as error:
            return Sample(name, None, str(error)), {}
        except TimeoutError:
            return Sample(name, None, f"not read within {seconds(timeout_ms)}"), {}
        except (OSError, ValueError) as error:
            return Sample(name, None, one_line(str(error))), {}
        return Sample(name, good, one_line(text)), facts


def _look(options: FileProbeOptions, deadline: Deadline) -> _Seen:
    path = Path(options.path)
    if options.expect == "absent":
        return _absent(path)
    try:
        seen = path.stat()
    except FileNotFoundError:
        return False, "it is not there", {}
    facts = {"bytes": seen.st_size, "age_s": max(0, int(time.time() - seen.st_mtime))}
    ahead = seen.st_mtime - time.time()
    if options.max_age_s is not None and ahead > _FUTURE_SECONDS:
        return None, f"its time lies {int(ahead)}s ahead", facts
    if options.max_age_s is not None and facts["age_s"] > options.max_age_s:
        return False, f"{facts['age_s']}s old, not {options.max_age_s}s", facts
    if options.min_bytes is not None or options.sha256:
        if not stat.S_ISREG(seen.st_mode):
            return False, "it is no ordinary file", facts
        if seen.st_size < (options.min_bytes or 0):
            return False, f"{seen.st_size} bytes, not {options.min_bytes}", facts
    if options.sha256:
        digest = _digest(path, deadline)
        if digest != options.sha256:
            return False, f"its content is another: {digest[:12]}", facts
    return True, f"{seen.st_size} bytes, {facts['age_s']}s old", facts


def _absent(path: Path) -> _Seen:
    if os.path.lexists(path):
        return False, "it is there", {}
    if not path.parent.is_dir():
        # Perhaps what holds it is not mounted.
        return None, f"there is no folder {path.parent}", {}
    return True, "it is not there", {}


def _digest(path: Path, deadline: Deadline) -> str:
    """Raises OSError, TimeoutError, ValueError when it changed meanwhile."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{path} is no ordinary file")
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if deadline.passed():
                raise TimeoutError
        after = os.fstat(handle)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ValueError("it changed while it was read")
    return digest.hexdigest()
