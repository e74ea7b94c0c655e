"""Options of the verbs and the probe: which engine, which container or project, by exact names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.options import Options

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")


class EngineOptions(Options):
    """Which engine."""

    socket: str = Field(
        title="Socket",
        description="The engine's Unix socket: `/var/run/docker.sock`, `/run/podman/podman.sock`.",
    )

    @field_validator("socket")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if not PurePosixPath(value).is_absolute() or "\0" in value:
            raise ValueError("write the whole path of the socket")
        return value


class TargetOptions(EngineOptions):
    """Which container."""

    container: str = Field(
        title="Container", description="Its exact name, or its whole id; never a part of either."
    )

    @field_validator("container")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("this is no name of a container")
        return value


class OrderOptions(Options):
    """Where orders are remembered."""

    state_file: str = Field(
        min_length=1,
        title="State file",
        description="Keeps the newest order's number; one file may serve all containers.",
    )


class ContainerOptions(TargetOptions, OrderOptions):
    """Which container, and where its orders are remembered."""


class GraceOptions(Options):
    """How long it may take to end."""

    grace: int = Field(
        default=10_000,
        ge=0,
        le=86_400_000,
        title="Grace",
        description=(
            "Milliseconds (rounded up to seconds) to end after its stop signal; then the engine kills it."
            " Keep it below the timeout."
        ),
    )


class SettleOptions(Options):
    """How long it must stay up."""

    settle: int = Field(
        default=500,
        ge=0,
        le=600_000,
        title="Settle",
        description="Milliseconds after which it must still be running.",
    )


class RunOptions(ContainerOptions, GraceOptions, SettleOptions):
    """Which container, how long it may take to end, and how long it must stay up."""


class ProjectOptions(EngineOptions, OrderOptions, GraceOptions, SettleOptions):
    """Which Compose project."""

    project: str = Field(
        title="Project", description="Exact value of the label `com.docker.compose.project`."
    )

    @field_validator("project")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("this is no name of a project")
        return value


class LogsOptions(TargetOptions):
    """Which container, and how much of its logs."""

    lines: int = Field(
        default=500, ge=1, le=100_000, title="Lines", description="So many of the last lines."
    )
    max_bytes: int = Field(
        default=262_144,
        ge=1,
        le=4_000_000,
        title="Length",
        description="Bytes of the end of the logs that are kept as evidence.",
    )


class ContainerProbeOptions(TargetOptions):
    """Which container, and what is good."""

    expect: Literal["running", "healthy", "paused", "exited"] = Field(
        default="running",
        title="Expected",
        description="running: also without a health check; healthy: by its own health check.",
    )
    exit_code: int | None = Field(
        default=None,
        ge=0,
        le=255,
        title="Exit code",
        description="With exited: the code it must have ended with; without: any.",
    )

    @model_validator(mode="after")
    def _fits(self) -> ContainerProbeOptions:
        if self.exit_code is not None and self.expect != "exited":
            raise ValueError("exit_code goes with expect: exited")
        return self
