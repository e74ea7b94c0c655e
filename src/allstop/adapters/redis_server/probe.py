"""Probe `redis`: up and in its role, replicas close behind, writes paused or fenced, snapshots fresh and proven."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.redis_server.keeping import DISKS
from allstop.adapters.redis_server.resp import (
    Line,
    Lost,
    Nonsense,
    Refusal,
    Unreachable,
    line,
)
from allstop.adapters.redis_server.server import (
    Info,
    Refused,
    ServerOptions,
    Writes,
    read_info,
    try_to_write,
)
from allstop.adapters.redis_server.snapshots import Snapshot, newest
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_DAY_MS = 86_400_000
_CLOCKS_AGREE_S = 60

Seen = tuple[bool | None, str, dict[str, Scalar]]


class RedisProbeOptions(ServerOptions):
    """What of which server is looked at, and what is good."""

    expect: Literal["up", "writable", "quiesced", "fenced", "snapshot", "proven"] = Field(
        default="up",
        title="Expected",
        description=(
            "up: it answers, has loaded its data, is in its role, and replication is close; writable: it takes"
            " writes; quiesced: writes wait; fenced: writes are refused; snapshot: there is a fresh one in folder;"
            " proven: the newest one there is fresh and was proven."
        ),
    )
    replicas: int = Field(
        default=0,
        ge=0,
        title="Replicas",
        description="So many replicas of a primary must be close behind.",
    )
    most_lag_bytes: int = Field(
        default=1_000_000,
        ge=0,
        title="Largest lag",
        description="Bytes that a replica may lack and is still close behind.",
    )
    folder: str = Field(
        default="",
        title="Folder",
        description="Folder of this machine with the snapshots, for snapshot and proven.",
    )
    within_ms: int = Field(
        default=_DAY_MS,
        ge=1,
        title="Fresh",
        description="Milliseconds since a snapshot was taken, within which it is fresh.",
    )

    @model_validator(mode="after")
    def _fits(self) -> RedisProbeOptions:
        if (self.expect in ("snapshot", "proven")) != bool(self.folder):
            raise ValueError("folder goes with snapshot and proven, and with nothing else")
        return self


class RedisProbe:
    """See `info`."""

    info = AdapterInfo(
        name="redis",
        summary="Looks at a Redis server: role, replication, writes, snapshots.",
        version="1",
        ports=("probe",),
        probe_options=RedisProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. A server that does not answer is bad."""
        chosen = read_options(RedisProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        try:
            good, text, facts = await _LOOKS[chosen.expect](chosen, deadline)
        except Refused as error:
            return Sample(name, None, one_line(str(error))), {}
        except Unreachable as error:
            return Sample(name, False if error.passing else None, str(error)), {}
        except (Refusal, Lost, Nonsense) as error:
            return Sample(name, False, one_line(str(error))), {}
        except TimeoutError:
            return Sample(name, None, "the snapshots cannot be read in time"), {}
        return Sample(name, good, one_line(text)), facts


# --- the server ------------------------------------------------------------------------------


async def _up(options: RedisProbeOptions, deadline: Deadline) -> Seen:
    async with line(options, deadline) as opened:
        info = await read_info(opened)
        lacking = await _lacking(opened, info, options)
    facts = _facts(info)
    if lacking:
        return False, lacking, facts
    return True, f"{facts['role']}, {facts['keys']} keys{_replication(info)}", facts


async def _lacking(opened: Line, info: Info, options: RedisProbeOptions) -> str:
    if info.is_loading:
        share = info.fields.get("loading_loaded_perc", "")
        return one_line(f"it is loading its data, {share} %" if share else "it is loading its data")
    if await opened.text("PING") != "PONG":
        raise Nonsense("PING is not answered with PONG")
    role = "primary" if info.is_primary else "replica"
    if options.role not in ("any", role):
        return f"it is a {role}, not a {options.role}"
    return _replicas_lacking(info, options) if info.is_primary else _replica_lacking(info, options)


def _replicas_lacking(info: Info, options: RedisProbeOptions) -> str:
    close = info.caught_up(info.offset - options.most_lag_bytes)
    if close >= options.replicas:
        return ""
    return f"{close} of {options.replicas} replicas are close behind{_replication(info)}"


def _replica_lacking(info: Info, options: RedisProbeOptions) -> str:
    """Bytes count, and the link. Seconds since the last byte say nothing about a quiet primary."""
    if info.text("master_link_status") != "up":
        return "its link to its primary is down"
    if info.number("master_sync_in_progress", 0):
        return "it is still copying its primary"
    lag = _own_lag(info)
    return f"{lag} bytes are not applied yet" if lag > options.most_lag_bytes else ""


def _own_lag(info: Info) -> int:
    """Bytes a replica has read and not applied."""
    applied = info.number("slave_repl_offset", 0)
    return max(0, info.number("slave_read_repl_offset", applied) - applied)


def _lags(info: Info) -> list[int]:
    return [max(0, info.offset - one.offset) for one in info.replicas if one.online]


def _replication(info: Info) -> str:
    if not info.is_primary:
        return ", its link is up"
    lags = _lags(info)
    if not info.replicas:
        return ""
    return f", {len(lags)} of {len(info.replicas)} replicas online, lacking at most {max(lags, default=0)} bytes"


def _facts(info: Info) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {
        "role": "primary" if info.is_primary else "replica",
        "loading": info.is_loading,
        "version": info.text("redis_version"),
        "run_id": info.text("run_id"),
        "uptime_seconds": info.number("uptime_in_seconds"),
        "clients": info.number("connected_clients"),
        "memory_bytes": info.number("used_memory"),
        "keys": info.keys,
        "last_save_ok": info.text("rdb_last_bgsave_status") == "ok",
    }
    if info.is_primary:
        lags = _lags(info)
        facts |= {"replicas": len(info.replicas), "replicas_online": len(lags)}
        if lags:
            facts["lag_bytes"] = max(lags)
    else:
        facts |= {"link_up": info.text("master_link_status") == "up", "lag_bytes": _own_lag(info)}
    return facts


# --- writes ----------------------------------------------------------------------------------

_WANTED = {
    "writable": Writes.TAKEN,
    "quiesced": Writes.WAITING,
    "fenced": Writes.FENCED,
}


async def _writes(options: RedisProbeOptions, deadline: Deadline) -> Seen:
    async with line(options, deadline) as opened:
        info = await read_info(opened)
    role = "primary" if info.is_primary else "replica"
    if options.role not in ("any", role):
        return False, f"it is a {role}, not a {options.role}", {"role": role}
    state, seen = await try_to_write(options, deadline)
    facts: dict[str, Scalar] = {"role": role, "writes": state.value}
    if state is Writes.HIDDEN:
        return None, f"it cannot be tried: {seen}", facts
    return state is _WANTED[options.expect], f"writes are {state.value}: {seen}", facts


# --- snapshots -------------------------------------------------------------------------------


async def _snapshots(options: RedisProbeOptions, deadline: Deadline) -> Seen:
    return await DISKS.run(lambda: _newest(options), deadline.left_ms())


def _newest(options: RedisProbeOptions) -> Seen:
    folder = Path(options.folder)
    if not folder.is_dir():
        raise Refused(f"no folder {folder}")
    try:
        found = newest(folder, options.place)
    except Refused as error:
        return False, str(error), {}
    age_s = found.age_s(datetime.now(UTC))
    facts: dict[str, Scalar] = {
        "snapshot": found.name,
        "age_seconds": age_s,
        "keys": found.manifest.keys_most,
        "bytes": found.manifest.bytes,
        "sha256": found.manifest.sha256,
    }
    fault = _stale(found, age_s, options) or (
        _unproven(found) if options.expect == "proven" else ""
    )
    if fault:
        return False, fault, facts
    return True, f"{found.name}, {age_s} s old, {found.manifest.keys_most} keys", facts


def _stale(found: Snapshot, age_s: int, options: RedisProbeOptions) -> str:
    if age_s < -_CLOCKS_AGREE_S:
        return f"{found.name} is dated in the future"
    if 1000 * age_s > options.within_ms:
        return f"{found.name} is {age_s} s old"
    if not found.is_whole():
        return f"the copy of {found.name} is not there, or not whole"
    return ""


def _unproven(found: Snapshot) -> str:
    proof = found.proof()
    if proof is None or proof.sha256 != found.manifest.sha256:
        return f"nothing has proven {found.name}"
    if not proof.proven:
        return f"{found.name} was found no good: {proof.because}"
    return "" if proof.loaded is not None else f"{found.name} was read, but never loaded"


_LOOKS: dict[str, Callable[[RedisProbeOptions, Deadline], Awaitable[Seen]]] = {
    "up": _up,
    "writable": _writes,
    "quiesced": _writes,
    "fenced": _writes,
    "snapshot": _snapshots,
    "proven": _snapshots,
}
