"""The hosts that follow standing orders, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.copying import replace
from allstop.domain.halt import host_events as e
from allstop.domain.record import Record

# How many refusals are remembered of each host, to tell a new one from the same again.
REFUSALS = 16


@dataclass(frozen=True, slots=True)
class Refusal:
    seq: int
    code: str
    because: str
    at: datetime


@dataclass(frozen=True)
class Host:
    """seq: number of the newest order it has accepted, 0 for none; refused: the newest last;
    lost_at: when it was found to be silent, None while it is heard."""

    name: str
    enrolled_at: datetime
    enrolled_by: str
    seq: int = 0
    reached_at: datetime | None = None
    refused: tuple[Refusal, ...] = ()
    lost_at: datetime | None = None


def moved(hosts: Mapping[str, Host], record: Record) -> Mapping[str, Host]:
    """The hosts after one entry of their stream. Total: an entry about an unknown host changes nothing."""
    event = record.event
    match event:
        case e.HostEnrolled(host):
            return {**hosts, host: Host(host, record.at, record.actor)}
        case e.HostReached(seq, names):
            reached = {
                name: replace(hosts[name], seq=seq, reached_at=record.at, lost_at=None)
                for name in names
                if name in hosts
            }
            return {**hosts, **reached}
        case e.HostRefused(host, seq, code, because) if host in hosts:
            was = hosts[host]
            refused = (*was.refused, Refusal(seq, code, because, record.at))[-REFUSALS:]
            return {**hosts, host: replace(was, refused=refused)}
        case e.HostLost(host) if host in hosts:
            return {**hosts, host: replace(hosts[host], lost_at=record.at)}
        case _:
            return hosts
