"""The standing order: what it says, and when a host accepts one.

Whatever is refused, what stood stands. Halting needs one key of the coordinator; a halt that asks for release
keys ends only when so many different ones have signed its release, whatever the coordinator says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from allstop.domain.halt.order_text import (
    FLEET,
    Carried,
    Ended,
    Pass,
    StandingHalt,
    StandingOrder,
    Statement,
    read_carried,
    read_envelope,
    read_order,
    read_release,
)

# Whether a key made a signature (hexadecimal) of a message; None when the key is not pinned.
Check = Callable[[str, bytes, str], bool | None]

# Why something is refused, by code.
CODES: Mapping[str, str] = {
    "unreadable": "the envelope is truncated, or no envelope at all",
    "unknown-key": "it was signed with a key that is not pinned here",
    "forged": "its signature is not of its text",
    "no-order": "it is signed, and no standing order",
    "other-issuer": "it names another issuer than the key that signed it",
    "other-audience": "it is for another host",
    "stale": "its time has passed",
    "replayed": "a newer order was accepted already",
    "unsigned-release": "it ends a halt without enough release keys",
    "missing-halt": "it leaves out a halt that was not released",
    "changed-halt": "it changes what a halt covers",
    "unsigned-pass": "it lets somebody act under a halt that asks for release keys",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What a host has accepted. host: its name; seq: highest number, 0 for none; text: of the order with it."""

    host: str
    seq: int = 0
    text: str = ""
    halts: tuple[StandingHalt, ...] = ()
    passes: tuple[Pass, ...] = ()
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """code: one of `CODES`; because: one sentence for people."""

    code: str
    because: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """known: what the host knows now; added, ended: halts; remarks: parts that were refused."""

    known: Known
    added: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    remarks: tuple[Refused, ...] = ()


def accept(
    known: Known, envelope: str | bytes, order_keys: Check, release_keys: Check, now: datetime
) -> Accepted | Refused:
    """What an envelope changes on a host. now: UTC. Never raises; an order that is known is accepted again."""
    try:
        sealed = read_envelope(envelope)
    except ValueError as error:
        return Refused("unreadable", f"this is no order: {error}")
    trouble = _seal(sealed, order_keys)
    if trouble is not None:
        return trouble
    try:
        order = read_order(sealed.text)
    except ValueError as error:
        return Refused("no-order", f"it is signed, and no order: {error}")
    trouble = _objection(known, order, sealed.key, now)
    if trouble is not None:
        return trouble
    if order.seq == known.seq:
        return _same_number(known, order)
    return _newer(known, order, sealed.text, release_keys, now)


def signers(
    statements: Iterable[Statement], halt: str, audiences: Iterable[str], keys: Check, now: datetime
) -> frozenset[str]:
    """The different release keys that have validly signed the release of a halt for one of these audiences."""
    meant = frozenset(audiences)
    return frozenset(
        one.key for one in statements if not trouble_with_statement(one, halt, meant, keys, now)
    )


def trouble_with_statement(
    one: Statement, halt: str, audiences: frozenset[str], keys: Check, now: datetime
) -> str:
    """Why a statement does not count for the release of a halt, as one sentence; empty when it does."""
    genuine = keys(one.key, one.text.encode(), one.signature)
    if not genuine:
        known = "is not pinned as a release key" if genuine is None else "did not sign this"
        return f"the key {one.key} {known}"
    try:
        said = read_release(one.text)
    except ValueError as error:
        return f"it is signed, and no release: {error}"
    if said.halt != halt:
        return f"it releases {said.halt}, not {halt}"
    if said.audience not in audiences:
        return f"it is for {said.audience}"
    return "" if now <= said.not_after else "its time has passed"


def carried(one: Statement, host: str, keys: Check, now: datetime) -> Carried | Refused:
    """The halt that a person signed and that was brought to a host; keys: whose word counts."""
    trouble = _seal(one, keys)
    if trouble is not None:
        return trouble
    try:
        said = read_carried(one.text)
    except ValueError as error:
        return Refused("no-order", f"it is signed, and no halt: {error}")
    mine = f"host:{host}"
    elsewhere = said.scope.startswith("host:") and said.scope != mine
    if said.audience not in (FLEET, mine) or elsewhere:
        return Refused("other-audience", f"the halt of {said.scope} is for another host")
    if now > said.not_after:
        return Refused("stale", f"the halt was good until {said.not_after.isoformat()}")
    return said


def _seal(sealed: Statement, keys: Check) -> Refused | None:
    genuine = keys(sealed.key, sealed.text.encode(), sealed.signature)
    if genuine is None:
        return Refused("unknown-key", "it was signed with a key that is not pinned here")
    return None if genuine else Refused("forged", "its signature is not of its text")


def _objection(known: Known, order: StandingOrder, key: str, now: datetime) -> Refused | None:
    if order.issuer != key:
        return Refused("other-issuer", "it names another issuer than the key that signed it")
    if order.audience not in (FLEET, f"host:{known.host}"):
        return Refused("other-audience", f"order {order.seq} is for another host")
    if now > order.not_after:
        return Refused("stale", f"the time of order {order.seq} has passed")
    if order.seq < known.seq:
        return Refused("replayed", f"order {order.seq} came after order {known.seq} was accepted")
    return None


def _same_number(known: Known, order: StandingOrder) -> Accepted:
    """No news, or another text under the same number: then only for the halts it adds."""
    there = {one.id for one in known.halts}
    added = tuple(one for one in order.halts if one.id not in there)
    if not added:
        return Accepted(known)
    more = replace(known, halts=(*known.halts, *added))
    return Accepted(more, tuple(one.id for one in added))


def _newer(
    known: Known, order: StandingOrder, text: str, release_keys: Check, now: datetime
) -> Accepted:
    audiences = (FLEET, f"host:{known.host}")
    signed = {
        one.halt: signers(one.statements, one.halt, audiences, release_keys, now)
        for one in order.released
    }
    named = {one.id: one for one in order.halts}
    halts: list[StandingHalt] = []
    ended: list[str] = []
    remarks: list[Refused] = []
    for old in known.halts:
        new = named.pop(old.id, None)
        trouble = _change(old, new) if new is not None else _unreleased(old, signed)
        if new is None and trouble is None:
            ended.append(old.id)
            continue
        halts.append(old if new is None else _stricter(old, new))
        remarks += [trouble] if trouble is not None else []
    halts += named.values()
    passes, refused = _passes(order.passes, halts, signed, now)
    # While a release is refused, whoever it would have woken stays as it was.
    kept = known.frozen if len(ended) < len(known.halts) and remarks else ()
    frozen = tuple(dict.fromkeys((*order.frozen, *kept)))
    after = Known(known.host, order.seq, text, tuple(halts), passes, frozen)
    return Accepted(after, tuple(named), tuple(ended), (*remarks, *refused))


def _unreleased(old: StandingHalt, signed: Mapping[str, frozenset[str]]) -> Refused | None:
    """Why a halt that the order does not name goes on."""
    if old.id not in signed:
        return Refused("missing-halt", f"{old.id} is not named, and was not released")
    if len(signed[old.id]) < old.keys:
        have = f"{len(signed[old.id])} of {old.keys} release keys have signed for {old.id}"
        return Refused("unsigned-release", have)
    return None


def _change(old: StandingHalt, new: StandingHalt) -> Refused | None:
    """A halt stays what it was when it was ordered: it can end, and it cannot be whittled away."""
    if (old.scope, old.classes, old.exempt) == (new.scope, new.classes, new.exempt):
        return None
    return Refused("changed-halt", f"{old.id} covers {old.scope} since it was ordered")


def _stricter(old: StandingHalt, new: StandingHalt) -> StandingHalt:
    return replace(old, incident=new.incident, severity=new.severity, keys=max(old.keys, new.keys))


def _passes(
    asked: Iterable[Pass], halts: Iterable[StandingHalt], signed: Mapping[str, frozenset[str]],
    now: datetime,
) -> tuple[tuple[Pass, ...], list[Refused]]:  # fmt: skip
    """The passes that count: of standing halts, in time, and for whom the halt exempts or may let go."""
    standing = {one.id: one for one in halts}
    good: list[Pass] = []
    refused: list[Refused] = []
    for one in asked:
        halt = standing.get(one.halt)
        if halt is None or one.until <= now:
            continue
        if one.agent in halt.exempt or len(signed.get(halt.id, ())) >= halt.keys:
            good.append(one)
        else:
            text = f"{one.agent} is not exempt from {halt.id}, which asks for release keys"
            refused.append(Refused("unsigned-pass", text))
    return tuple(good), refused


__all__ = ["CODES", "Accepted", "Check", "Ended", "Known", "Refused", "accept", "signers"]
