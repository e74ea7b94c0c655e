"""Which effects are claimed in the very write that asks for them.

Both kinds of store use this, so that "there is room for it" is decided in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from allstop.application.ports import Claim, Committed, EffectState, Write
from allstop.domain.effects import LANES, Lane


def claimed_at_once(
    write: Write,
    at: datetime,
    under_way: Callable[[Sequence[Lane]], int],
    waits: Callable[[Sequence[Lane], datetime], bool],
) -> frozenset[str]:
    """Ids of the effects of a write for which its places have room; none when they are not due yet.

    at: when the write is made; under_way: how many effects of some lanes are claimed now; waits: whether
    an effect of some lanes is to be claimed that is due by then. Both without the effects of the write.
    """
    found: list[str] = []
    if write.effects_due is not None and write.effects_due > at:
        return frozenset()
    for each in write.places if write.effects else ():
        wanted = [effect for effect in write.effects if effect.lane in each.lanes]
        # What waits was asked for earlier: nothing overtakes it.
        if not wanted or waits(each.lanes, at):
            continue
        wanted.sort(key=lambda effect: LANES.index(effect.lane))
        free = max(0, each.count - under_way(each.lanes))
        found += [effect.id for effect in wanted[:free]]
    return frozenset(found)


def with_claims(committed: Committed, write: Write, claims: Sequence[Claim]) -> Committed:
    """What the author of a write gets back, with what was claimed in it and whether it left something."""
    again = write.finish is not None and write.finish.state is EffectState.PENDING
    waits = again or len(claims) < len(write.effects)
    if not waits and not claims:
        return committed
    return Committed(committed.records, committed.tag, tuple(claims), waits)
