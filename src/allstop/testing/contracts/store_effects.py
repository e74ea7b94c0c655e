"""What every store must do with effects, and after a crash."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop import errors
from allstop.application.ports import (
    Claim,
    Conflict,
    EffectState,
    Finish,
    Reply,
    Store,
    Write,
)
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_ground import (
    NOW,
    StoreGround,
    after,
    draft,
    effect,
    sha256,
    writing,
)


class EffectRules(StoreGround):
    """The outbox, and what a crash leaves of it."""

    # --- effects -------------------------------------------------------------------------------

    async def claimed(self, store: Store, at: datetime = NOW, limit: int = 10) -> list[Claim]:
        return await store.claim(LANES, limit, at)

    async def test_effects_are_claimed_once_by_urgency_and_due_time(self, store: Store) -> None:
        """Given effects in three lanes, when they are claimed, then in order, and each once."""
        await store.write(
            Lane.COMMAND,
            writing(draft("plan/p", 1), effects=(effect("c1"), effect("h1", Lane.HALT))),
        )
        await store.write(
            Lane.COMMAND,
            writing(draft("plan/p", 2), effects=(effect("c3"),), effects_due=after(60)),
        )
        await store.write(Lane.COMMAND, writing(draft("plan/p", 3), effects=(effect("c2"),)))
        assert [c.effect.id for c in await store.claim([Lane.HALT], 5, NOW)] == ["h1"]
        assert store.next_due([Lane.HALT]) is None
        first, second = await self.claimed(store)
        assert (first.effect, second.effect.id) == (effect("c1"), "c2")
        assert (first.attempt, first.observe) == (1, False)
        assert await self.claimed(store) == []
        assert store.next_due([Lane.HALT, Lane.COMMAND]) == after(60)
        assert [c.effect.id for c in await self.claimed(store, after(60))] == ["c3"]
        assert len({first.token, second.token}) == 2

    async def test_no_more_effects_are_claimed_than_asked_for(self, store: Store) -> None:
        """Given three due effects, when two are asked for, then two are given, then the third."""
        ids = ("a", "b", "c")
        await store.write(Lane.COMMAND, writing(effects=tuple(map(effect, ids))))
        assert [c.effect.id for c in await self.claimed(store, limit=2)] == ["a", "b"]
        assert [c.effect.id for c in await self.claimed(store, limit=2)] == ["c"]
        assert await store.claim([], 2, NOW) == []

    async def test_an_outcome_is_written_with_its_events(self, store: Store) -> None:
        """Given a claim, when it ends done, then the row and the entry are there together."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("a"),)))
        (claim,) = await self.claimed(store)
        assert store.effects()[0].state is EffectState.CLAIMED
        finish = Finish(claim.token, EffectState.DONE, "it runs")
        await store.write(Lane.COMMAND, writing(draft("plan/p", 2), finish=finish))
        (row,) = store.effects("plan/p")
        assert (row.state, row.attempt, row.because) == (EffectState.DONE, 1, "it runs")
        assert store.last_position() == 2
        assert await self.claimed(store, after(9999)) == []

    async def test_a_retry_waits_until_it_is_due_and_counts_as_another_attempt(
        self, store: Store
    ) -> None:
        """Given an attempt that ended in retry, when it is due again, then it is attempt 2."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("a"),)))
        (claim,) = await self.claimed(store)
        retry = Finish(claim.token, EffectState.PENDING, "busy", after(30))
        await store.write(Lane.COMMAND, writing(finish=retry))
        assert store.next_due([Lane.COMMAND]) == after(30)
        assert await self.claimed(store, after(29)) == []
        (second,) = await self.claimed(store, after(30))
        assert (second.attempt, second.observe) == (2, False)
        assert second.token != claim.token

    async def test_a_report_whose_token_is_no_longer_held_is_dropped_whole(
        self, store: Store
    ) -> None:
        """Given a finished claim, when it is reported again, then Conflict, and no entry stays."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("a"),)))
        (claim,) = await self.claimed(store)
        finish = Finish(claim.token, EffectState.FAILED, "no")
        await store.write(Lane.COMMAND, writing(finish=finish))
        for token in (claim.token, "nobody's"):
            late = Finish(token, EffectState.DONE, "late")
            with pytest.raises(Conflict):
                await store.write(Lane.COMMAND, writing(draft("plan/p", 2), finish=late))
        assert store.effects()[0].state is EffectState.FAILED
        assert store.last_position() == 1

    async def test_an_attempt_cannot_end_claimed_or_unknown(self, store: Store) -> None:
        """Given a claim, when it is reported as still claimed, then the report is refused."""
        await store.write(Lane.COMMAND, writing(effects=(effect("a"),)))
        (claim,) = await self.claimed(store)
        for state in (EffectState.CLAIMED, EffectState.UNKNOWN):
            with pytest.raises(ValueError, match="does not end"):
                await store.write(Lane.COMMAND, writing(finish=Finish(claim.token, state, "")))

    async def test_an_effect_is_never_stored_twice(self, store: Store) -> None:
        """Given an effect, when a write brings its id again, then Conflict, and nothing is kept."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("a"),)))
        for effects in ((effect("a"),), (effect("b"), effect("b"))):
            with pytest.raises(Conflict):
                await store.write(Lane.COMMAND, writing(draft("plan/p", 2), effects=effects))
        assert (store.last_position(), len(store.effects())) == (1, 1)

    async def test_views_show_the_newest_effects_of_a_stream(self, store: Store) -> None:
        """Given effects of two streams, when one is asked for, then its newest come first."""
        effects = (effect("a"), effect("b", stream="halt/h"), effect("c"))
        await store.write(Lane.COMMAND, writing(effects=effects))
        assert [row.effect.id for row in store.effects("plan/p")] == ["c", "a"]
        assert [row.effect.id for row in store.effects(limit=2)] == ["c", "b"]

    # --- crash, restart, second coordinator ----------------------------------------------------

    async def test_what_was_acknowledged_survives_a_crash(
        self, store: Store, here: Any, tmp_path: Path
    ) -> None:
        """Given acknowledged writes, when the coordinator dies, then all are there and go on."""
        reply = Reply("person:ada", "k", "d", "body")
        blob = {sha256(b"out\x00put"): b"out\x00put"}
        await store.write(Lane.HALT, writing(draft("halt/h", 1), reply=reply, blobs=blob))
        await store.write(Lane.HALT, writing(draft("halt/h", 2), policies={sha256(b"{}"): "{}"}))
        before = store.records()
        again = await self.reopened_after_crash(store, here, tmp_path)
        assert again.records() == before
        assert again.policies() == {sha256(b"{}"): "{}"}
        assert again.blob(sha256(b"out\x00put")) == b"out\x00put"
        assert again.blob("0" * 64) is None
        with pytest.raises(Conflict):
            await again.write(Lane.HALT, writing(draft("halt/h", 2)))
        committed = await again.write(Lane.HALT, writing(draft("halt/h", 3)))
        assert committed.records[0].prev == before[1].hash
        assert committed.records[0].position == 3
        found = await again.write(Lane.HALT, lambda view: Write(tag=view.recall("person:ada", "k")))
        assert found.tag == reply
        await again.close()

    async def test_a_claim_of_a_dead_coordinator_is_unknown_and_observed_first(
        self, store: Store, here: Any, tmp_path: Path
    ) -> None:
        """Given a claim, when its coordinator dies, then the next one is told to look first.

        It is due even for a clock that runs behind, it is still attempt 1, and the dead
        coordinator's report is not taken any more.
        """
        await store.write(
            Lane.HALT, writing(draft("halt/h", 1), effects=(effect("a"), effect("b")))
        )
        (old,) = await self.claimed(store, limit=1)
        again = await self.reopened_after_crash(store, here, tmp_path)
        assert {row.effect.id: row.state for row in again.effects()} == {
            "a": EffectState.UNKNOWN, "b": EffectState.PENDING,
        }  # fmt: skip
        (claim,) = await self.claimed(again, at=NOW - timedelta(days=900))
        assert (claim.effect.id, claim.attempt, claim.observe) == ("a", 1, True)
        late = Finish(old.token, EffectState.DONE, "late")
        with pytest.raises(Conflict):
            await again.write(Lane.HALT, writing(finish=late))
        not_yet = Finish(claim.token, EffectState.PENDING, "it had not happened", after(1))
        await again.write(Lane.HALT, writing(finish=not_yet))
        claims = await self.claimed(again, at=after(1))
        assert [(c.effect.id, c.attempt, c.observe) for c in claims] == [
            ("b", 1, False), ("a", 2, False),
        ]  # fmt: skip
        await again.close()

    async def test_claims_are_unknown_even_when_an_incarnation_is_used_again(
        self, store: Store, here: Any, tmp_path: Path
    ) -> None:
        """Given a claim, when a coordinator of the same name starts, then it was not its own."""
        await store.write(Lane.HALT, writing(effects=(effect("a"),)))
        (old,) = await self.claimed(store)
        again = self.make(self.crashed(store, here, tmp_path))
        await again.open("one")
        (claim,) = await self.claimed(again)
        assert claim.observe
        assert claim.token != old.token
        await again.close()

    async def test_a_second_coordinator_is_turned_away(self, store: Store, here: Any) -> None:
        """Given an open store, when another opens the same place, then it hears who has it."""
        second = self.make(here)
        with pytest.raises(errors.Unavailable, match="another coordinator") as caught:
            await second.open("two")
        assert caught.value.hint
        await store.write(Lane.HALT, writing(draft("halt/h", 1)))
        await store.close()
        await second.open("two")
        assert second.last_position() == 1
        await second.close()

    async def test_a_closed_store_takes_nothing(self, here: Any) -> None:
        """Given a store that is not open, when something is written, then it is unavailable."""
        store = self.make(here)
        with pytest.raises(errors.Unavailable):
            await store.write(Lane.HALT, writing(draft("halt/h", 1)))
        await store.open("one")
        waiting = [
            asyncio.ensure_future(store.write(Lane.INTAKE, writing(draft(f"plan/{n}", 1))))
            for n in range(5)
        ]
        await asyncio.sleep(0)
        await store.close()
        assert [len((await each).records) for each in waiting] == [1] * 5
        await store.close()
        with pytest.raises(errors.Unavailable):
            await store.write(Lane.HALT, writing(draft("halt/h", 1)))
