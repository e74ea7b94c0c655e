"""What a process is named by, and how it is started."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.process_tree import Mark


class ProcessOptions(Options):
    """Which process, and how it is started again."""

    pid_file: str = Field(
        min_length=1,
        title="Pid file",
        description='File with its number, or JSON {"pid": n, "create_time": seconds}.',
    )
    word: str = Field(
        default="",
        title="Word",
        description="Whole word of its command line; a process without it is never touched.",
    )
    env_mark: str = Field(
        default="",
        title="Environment mark",
        description="NAME=value that all its processes inherit; finds orphans.",
    )
    order_file: str = Field(
        default="",
        title="Order file",
        description="Where the number of the newest order is kept; empty: beside the pid file.",
    )
    grace: int = Field(
        default=10_000,
        ge=0,
        le=86_400_000,
        title="Grace",
        description="Milliseconds it has to end after TERM; what is there then is left running.",
    )
    argv: list[str] = Field(
        default_factory=list,
        title="Program",
        description="Program and arguments to start it with; never a shell.",
    )
    cwd: str = Field(default="", title="Folder", description="Where it runs.")
    env: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Added to a minimal environment (PATH, HOME, TZ, TMPDIR, LANG).",
    )
    log: str = Field(
        default="", title="Log file", description="Its output is added there; empty: dropped."
    )
    settle: int = Field(
        default=200,
        ge=0,
        le=60_000,
        title="Settling time",
        description="Milliseconds a started process must have lived to count as started.",
    )

    @field_validator("env_mark")
    @classmethod
    def _is_assignment(cls, value: str) -> str:
        if value and (not value.partition("=")[0] or not value.partition("=")[2]):
            raise ValueError("write it as NAME=value")
        return value

    def mark(self) -> Mark | None:
        name, _, value = self.env_mark.partition("=")
        return Mark(name, value) if name else None

    def order_path(self) -> Path:
        return Path(self.order_file or f"{self.pid_file}.allstop")


class StartOptions(ProcessOptions):
    """Which process, and how it is started."""

    argv: list[str] = Field(
        min_length=1, title="Program", description="Program and arguments; never a shell."
    )
