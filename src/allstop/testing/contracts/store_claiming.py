"""What every store must do with effects that are claimed in the very write that asks for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from allstop.application.ports import Claim, Committed, Conflict, EffectState, Finish, Places, Store
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_ground import StoreGround, after, draft, effect, writing

HALTS = Places((Lane.HALT,), 2)
WORK = Places((Lane.COMMAND, Lane.INTAKE), 2)
PLACES = (HALTS, WORK)


def ids(claims: tuple[Claim, ...] | list[Claim]) -> list[str]:
    return [claim.effect.id for claim in claims]


async def asked(store: Store, *effects: Any, **also: Any) -> Committed:
    """A write that asks for effects, with the usual places."""
    turn = writing(effects=effects, **{"places": PLACES, **also})
    return await store.write(Lane.COMMAND, turn)


class ClaimingRules(StoreGround):
    """Places, and who is given one."""

    async def states(self, store: Store) -> dict[str, EffectState]:
        return {row.effect.id: row.state for row in store.effects()}

    async def test_effects_with_a_place_are_claimed_with_the_write_that_asks_for_them(
        self, store: Store
    ) -> None:
        """Given free places, when effects are asked for, then the write itself hands out their claims,
        listeners hear of them, nobody else can take them, and their reports are taken."""
        heard: list[Committed] = []
        store.on_commit(heard.extend)
        turn = writing(draft("plan/p", 1), effects=(effect("a"), effect("b")), places=PLACES)
        committed = await store.write(Lane.COMMAND, turn)
        assert ids(committed.claims) == ["a", "b"]
        assert [(one.attempt, one.observe) for one in committed.claims] == [(1, False)] * 2
        assert (heard, committed.waits) == ([committed], False)
        assert len({one.token for one in committed.claims}) == 2
        assert set((await self.states(store)).values()) == {EffectState.CLAIMED}
        assert store.next_due(LANES) is None
        assert await store.claim(LANES, 10, after(9999)) == []
        end = Finish(committed.claims[0].token, EffectState.DONE, "it runs")
        await store.write(Lane.COMMAND, writing(finish=end))
        assert (await self.states(store))["a"] is EffectState.DONE

    async def test_without_places_nothing_is_claimed_by_a_write(self, store: Store) -> None:
        """Given nobody who works, when an effect is asked for, then it waits to be claimed."""
        committed = await asked(store, effect("a"), places=())
        assert (committed.claims, committed.waits) == ((), True)
        assert await self.states(store) == {"a": EffectState.PENDING}

    async def test_no_more_is_claimed_than_there_are_places(self, store: Store) -> None:
        """Given two places, when three are asked for, then one waits; and what is asked for later waits
        behind it even when a place has become free."""
        first = await asked(store, effect("a"), effect("b"), effect("c"))
        assert (ids(first.claims), first.waits) == (["a", "b"], True)
        end = Finish(first.claims[0].token, EffectState.DONE, "")
        ended = await asked(store, effect("d"), finish=end)
        assert (ended.claims, ended.waits) == ((), True)
        assert ids(await store.claim(WORK.lanes, 9, after(0), under_way=2)) == ["c"]
        assert await store.claim(WORK.lanes, 9, after(0), under_way=2) == []
        assert ids(await store.claim(WORK.lanes, 9, after(0))) == ["d"]

    async def test_the_place_of_an_attempt_is_free_for_what_its_outcome_asks_for(
        self, store: Store
    ) -> None:
        """Given all places taken, when an outcome asks for the next effect, then that one gets the place."""
        first = await asked(store, effect("a"), effect("b"))
        end = Finish(first.claims[0].token, EffectState.DONE, "")
        assert ids((await asked(store, effect("c"), finish=end)).claims) == ["c"]
        assert (await asked(store, effect("d"))).claims == ()

    async def test_halts_have_places_of_their_own(self, store: Store) -> None:
        """Given work that waits for a place, when a halt is asked for, then it is claimed at once; and a
        lane that has no places is not touched."""
        await asked(store, effect("a"), effect("b"), effect("c"))
        committed = await asked(
            store, effect("page", Lane.PAGE), effect("h1", Lane.HALT), effect("d")
        )
        assert ids(committed.claims) == ["h1"]
        assert store.next_due([Lane.PAGE]) is not None

    async def test_the_more_urgent_lane_gets_the_last_place(self, store: Store) -> None:
        """Given one place left, when two lanes that share it ask, then the more urgent one is claimed."""
        await asked(store, effect("a"))
        committed = await asked(store, effect("slow", Lane.INTAKE), effect("fast"))
        assert ids(committed.claims) == ["fast"]

    async def test_what_is_not_due_yet_is_not_claimed_and_holds_nobody_up(
        self, store: Store
    ) -> None:
        """Given an effect for later, when it is asked for, then it waits until then; others do not."""
        later = await store.write(
            Lane.COMMAND,
            writing(
                draft("plan/p", 1), effects=(effect("a"),), places=PLACES, effects_due=after(60)
            ),
        )
        assert (later.claims, later.waits) == ((), True)
        turn = writing(draft("plan/p", 2), effects=(effect("b"),), places=PLACES)
        assert ids((await store.write(Lane.COMMAND, turn)).claims) == ["b"]
        assert ids(await store.claim(LANES, 9, after(60))) == ["a"]

    async def test_an_attempt_that_is_to_be_made_again_is_announced(self, store: Store) -> None:
        """Given a claim, when it ends in "not now", then listeners hear that something waits."""
        (claim,) = (await asked(store, effect("a"))).claims
        again = Finish(claim.token, EffectState.PENDING, "busy", after(30))
        committed = await store.write(Lane.COMMAND, writing(finish=again))
        assert (committed.claims, committed.waits) == ((), True)
        (second,) = await store.claim(LANES, 9, after(30))
        assert (second.attempt, second.observe) == (2, False)

    async def test_a_write_that_is_not_kept_takes_no_places(self, store: Store) -> None:
        """Given writes that share a sync, when one of them conflicts, then its places stay free."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1)))
        turns = [
            writing(draft(f"plan/{name}", version), effects=(effect(name),), places=PLACES)
            for name, version in (("a", 2), ("b", 1), ("c", 3), ("d", 1), ("e", 1))
        ]
        results = await asyncio.gather(
            *(store.write(Lane.COMMAND, turn) for turn in turns), return_exceptions=True
        )
        kept = [one for one in results if isinstance(one, Committed)]
        assert [type(one) for one in results if one not in kept] == [Conflict, Conflict]
        assert [ids(one.claims) for one in kept] == [["b"], ["d"], []]
        twice = writing(effects=(effect("h", Lane.HALT), effect("h", Lane.HALT)), places=PLACES)
        with pytest.raises(Conflict):
            await store.write(Lane.HALT, twice)
        halts = await asked(store, effect("h1", Lane.HALT), effect("h2", Lane.HALT))
        assert ids(halts.claims) == ["h1", "h2"]

    async def test_a_report_that_is_fenced_off_frees_no_place(self, store: Store) -> None:
        """Given all places taken, when a report with a stale token comes, then no place becomes free."""
        first = await asked(store, effect("a"), effect("b"))
        end = Finish(first.claims[0].token, EffectState.DONE, "")
        await asked(store, effect("c"), finish=end)
        with pytest.raises(Conflict):
            await asked(store, effect("d"), finish=end)
        assert (await asked(store, effect("e"))).claims == ()

    async def test_what_was_claimed_with_a_write_is_observed_first_after_a_crash(
        self, store: Store, here: Any, tmp_path: Path
    ) -> None:
        """Given a crash between the write and the act, when the next coordinator starts, then it looks
        first, as for any claim of a dead one; what had no place has not begun; and places are free again
        once that has ended."""
        first = await asked(store, effect("a"), effect("b"), effect("c"))
        again = await self.reopened_after_crash(store, here, tmp_path)
        assert await self.states(again) == {
            "a": EffectState.UNKNOWN, "b": EffectState.UNKNOWN, "c": EffectState.PENDING,
        }  # fmt: skip
        assert (await asked(again, effect("d"))).claims == ()
        claims = await again.claim(WORK.lanes, 9, after(0), under_way=2)
        assert [(one.effect.id, one.attempt, one.observe) for one in claims] == [
            ("a", 1, True), ("b", 1, True),
        ]  # fmt: skip
        late = Finish(first.claims[0].token, EffectState.DONE, "late")
        with pytest.raises(Conflict):
            await again.write(Lane.COMMAND, writing(finish=late))
        for claim in claims:
            end = Finish(claim.token, EffectState.DONE, "it had happened")
            await again.write(Lane.COMMAND, writing(finish=end))
        assert ids(await again.claim(WORK.lanes, 9, after(0), under_way=2)) == ["c", "d"]
        await again.close()
