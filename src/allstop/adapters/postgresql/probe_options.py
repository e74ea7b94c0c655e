"""Options of the probe `postgres`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from allstop.adapters.postgresql.local import PlainPath
from allstop.adapters.postgresql.server import ServerOptions

_NEEDS = {
    "admission": ("database",),
    "lag": ("replica",),
    "integrity": ("database", "query"),
    "backup-age": ("backup_root", "at_most_ms"),
    "stopped": ("data_dir", "bin_dir"),
}


class PostgresProbeOptions(ServerOptions):
    """What to look at, and what is still good."""

    kind: Literal[
        "answers",
        "admission",
        "lag",
        "integrity",
        "backup-age",
        "checksums",
        "archiver",
        "stopped",
    ] = Field(
        default="answers",
        title="Kind",
        description="What is measured: see the page of the adapter.",
    )
    expect: Literal["open", "closed"] = Field(
        default="open",
        title="Expected",
        description="For admission: whether a fresh session should get into the database.",
    )
    role: Literal["any", "primary", "standby"] = Field(
        default="any", title="Role", description="For answers: what the server should be."
    )
    replica: str = Field(
        default="",
        title="Replica",
        description="For lag: application_name of the replica, as the primary's pg_stat_replication has it.",
    )
    replica_host: str = Field(
        default="",
        title="Replica's host",
        description="For lag in time: where the replica itself is asked; port, user and the rest as above unless given.",
    )
    replica_port: int = Field(
        default=5432, ge=1, le=65_535, title="Replica's port", description="Its port."
    )
    at_most_bytes: int = Field(
        default=16_777_216,
        ge=0,
        title="At most, bytes",
        description="For lag: how far behind in the log it may be.",
    )
    at_most_ms: int = Field(
        default=0,
        ge=0,
        title="At most, milliseconds",
        description="For backup-age: how old the newest proven backup may be. For lag: how old the newest replayed commit may be while the replica is behind; 0: only bytes count.",
    )
    proven: bool = Field(
        default=True,
        title="Proven",
        description="For backup-age: only a backup that a restore has proven counts.",
    )
    data_dir: PlainPath = Field(
        default="",
        title="Data directory",
        description="For stopped: of the cluster, on this machine.",
    )
    bin_dir: PlainPath = Field(
        default="", title="Programs", description="For stopped: folder of pg_controldata."
    )
    run_as: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9_.-]*$",
        title="Run as",
        description="For stopped: user of this machine that owns the data.",
    )
    database: str = Field(
        default="",
        title="Database",
        description="For integrity: where it is asked. For admission: which one.",
    )
    query: str = Field(
        default="",
        title="Query",
        description="For integrity: must give no row, or one row with the number 0. Runs read-only.",
    )
    backup_root: PlainPath = Field(
        default="", title="Backups", description="For backup-age: the folder of the backups."
    )
    archive_dir: PlainPath = Field(
        default="",
        title="Archive",
        description="For archiver: folder where the segment that was archived last must lie whole.",
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> PostgresProbeOptions:
        missing = [name for name in _NEEDS.get(self.kind, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.kind} needs {', '.join(missing)}")
        if self.kind == "lag" and self.at_most_ms and not self.replica_host:
            raise ValueError("lag in time needs replica_host")
        return self

    @property
    def target(self) -> str:
        """What tells one server from another."""
        return f"{self.host}:{self.port}"
