"""Which program of which supervisord."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.options import Options

# supervisord takes `group:*` and `group:` for the whole group, and a bare name for group and program.
_EXACT = re.compile(r"[^\s:*/]+:[^\s:*/]+")


class TargetOptions(Options):
    """How supervisord is reached, and which program is meant."""

    url: str = Field(
        min_length=1, title="URL", description="unix:///path/to/socket, http:// or https://."
    )
    process: str = Field(
        min_length=3, title="Process", description="Its exact name, `group:name`; no wildcard."
    )
    user: str = Field(default="", title="User", description="Name for HTTP authentication.")
    password_file: str = Field(
        default="", title="Password file", description="File with the user's password."
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme == "unix":
            if parts.netloc or not PurePosixPath(parts.path).is_absolute():
                raise ValueError("write it as unix:///path/to/socket")
        elif parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write it as unix:///path, http://host:port or https://host:port")
        if parts.username is not None or parts.password is not None:
            raise ValueError("user and password belong into `user` and `password_file`")
        assert parts.port is None or parts.port > 0  # reading it refuses what is no port
        return value

    @field_validator("process")
    @classmethod
    def _is_exact(cls, value: str) -> str:
        if not _EXACT.fullmatch(value):
            raise ValueError("write it as group:name, without wildcards")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> TargetOptions:
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together")
        return self


class SupervisorOptions(TargetOptions):
    """Which program, and how it is ended."""

    grace: int = Field(
        default=5000,
        ge=0,
        le=86_400_000,
        title="Grace",
        description="Milliseconds it has to end after its stop signal; keep it below stopwaitsecs.",
    )
    order_file: str = Field(
        default="",
        title="Order file",
        description="Where the newest order's number is kept; empty: in memory, until a restart.",
    )


SIGNALS = ("HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "STOP", "CONT", "WINCH")


class SignalOptions(SupervisorOptions):
    """Which program, and which signal."""

    signal: Literal[SIGNALS] = Field(  # type: ignore[valid-type] # a Literal of a tuple's items
        title="Signal", description="Sent to the program once."
    )


class TailOptions(TargetOptions):
    """Which program, and which end of its log."""

    stream: Literal["stdout", "stderr"] = Field(
        default="stdout", title="Stream", description="Which of its logs."
    )
    max_bytes: int = Field(
        default=16_384,
        ge=1,
        le=1_000_000,
        title="Length",
        description="Bytes of the end of the log that are kept as evidence.",
    )
