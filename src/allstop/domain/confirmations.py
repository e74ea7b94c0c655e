"""Confirmations: who has said that they know the protocol, when, and how long their word holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from allstop.domain.policy import Person, Policy
from allstop.domain.principal import Kind
from allstop.domain.record import Record
from allstop.domain.registry import event

# How a person stands to the protocol that is asked about.
CONFIRMED, EXPIRED, OTHER, MISSING = "confirmed", "expired", "other", "missing"


@event("protocol.confirmed")
@dataclass(frozen=True, slots=True)
class ProtocolConfirmed:
    """Whoever stands in the log as its actor knows the protocol of this name. policy: digest of the
    documents as they were then."""

    protocol: str
    policy: str


@dataclass(frozen=True, slots=True)
class ConfirmProtocol:
    """For oneself alone, so it names nobody. protocol: its name, as it was shown."""

    protocol: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The newest one of a person for one protocol."""

    protocol: str
    policy: str
    at: datetime


# By person, then by name of the protocol; the newest last.
Confirmations = Mapping[str, Mapping[str, Confirmation]]


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a person stands to a protocol. state: confirmed | expired | other | missing; protocol, at: of
    the confirmation that counts, or of the newest one for another protocol; until: when it runs out."""

    person: Person
    state: str
    protocol: str = ""
    at: datetime | None = None
    until: datetime | None = None


def confirmed(known: Confirmations, record: Record) -> Confirmations:
    """All confirmations after one more entry. Total: only people confirm."""
    kind, _, person = record.actor.partition(":")
    one = record.event
    if kind != Kind.PERSON or not isinstance(one, ProtocolConfirmed):
        return known
    others = {name: kept for name, kept in known.get(person, {}).items() if name != one.protocol}
    newest = Confirmation(one.protocol, one.policy, record.at)
    return {**known, person: {**others, one.protocol: newest}}


def asked(policy: Policy) -> tuple[Person, ...]:
    """Whoever may have to act by the protocol: can hold a role or is an owner, and is not away."""
    return tuple(one for one in policy.roster.people if (one.roles or one.owner) and not one.away)


def holds_until(policy: Policy, at: datetime) -> datetime | None:
    """When a confirmation runs out; None where the protocol asks for none."""
    days = policy.protocol.preflight.understood_days
    return at + timedelta(days=days) if days else None


def understanding(
    policy: Policy, known: Confirmations, person: Person, now: datetime
) -> Understanding:
    """How a person stands to the protocol of this policy.

    A protocol is known by its name: that a fleet, a roster or a line of it changed since makes nobody
    forget how they respond. Whoever thinks that it does gives it another name.
    """
    theirs = known.get(person.id, {})
    mine = theirs.get(policy.protocol.name)
    if mine is None:
        if not theirs:
            return Understanding(person, MISSING)
        newest = list(theirs.values())[-1]
        return Understanding(person, OTHER, newest.protocol, newest.at)
    until = holds_until(policy, mine.at)
    state = CONFIRMED if until is None or now < until else EXPIRED
    return Understanding(person, state, mine.protocol, mine.at, until)


def everybody(policy: Policy, known: Confirmations, now: datetime) -> tuple[Understanding, ...]:
    """How everybody who is asked stands to the protocol, in the order of the roster."""
    return tuple(understanding(policy, known, one, now) for one in asked(policy))


def understanding_words(one: Understanding, policy: Policy, now: datetime) -> str:
    """`confirmed 12 days ago`, `has not confirmed it`."""
    if one.state == OTHER:
        return f"confirmed another protocol, {one.protocol}"
    if one.at is None:
        return "has not confirmed it"
    days = max(0, (now - one.at).days)
    ago = f"{days} day{'' if days == 1 else 's'} ago" if days else "today"
    late = f", every {policy.protocol.preflight.understood_days} days is asked for"
    return f"confirmed {ago}" + (late if one.state == EXPIRED else "")
