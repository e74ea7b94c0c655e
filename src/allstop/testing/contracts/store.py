"""What every store must do. Subclass `StoreContract` in a test module and say how yours is made.

class TestMyStore(StoreContract):
    def place(self, folder): return folder / "my.db"
    def make(self, place): return MyStore(place)
    def crashed(self, store, place, folder): ...
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from allstop.application import chain
from allstop.application.codec import canonical
from allstop.application.ports import (
    Checkpoint,
    Committed,
    Conflict,
    RefusalEntry,
    Reply,
    Store,
    TurnView,
    Write,
)
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_claiming import ClaimingRules
from allstop.testing.contracts.store_effects import EffectRules
from allstop.testing.contracts.store_ground import NOW, after, draft, effect, sha256, writing


class StoreContract(EffectRules, ClaimingRules):
    """The abstract suite: the log, lanes, idempotency and what stands beside the log."""

    # --- the log -------------------------------------------------------------------------------

    async def test_an_entry_comes_back_as_it_was_written_with_its_place_and_links(
        self, store: Store
    ) -> None:
        """Given an empty store, when two entries are written, then both are linked and readable."""
        records = (draft("halt/h", 1, 'ä\u2028 \\ "'), draft("halt/h", 2))
        committed = await store.write(Lane.HALT, writing(*records, tag="mine"))
        stored = store.records()
        assert committed.tag == "mine"
        assert [record.position for record in committed.records] == [1, 2]
        assert [record.event for record in committed.records] == [r.event for r in records]
        assert [entry.hash for entry in stored] == [record.hash for record in committed.records]
        assert [entry.at for entry in stored] == [NOW, NOW]
        prev = chain.GENESIS
        for entry, record in zip(stored, records, strict=True):
            assert entry.body.encode() == canonical(record.event)
            assert entry.prev == prev
            prev = chain.link(
                prev, entry.stream, entry.version, entry.kind, entry.schema,
                entry.at, entry.actor, entry.cause, entry.body.encode(),
            )  # fmt: skip
            assert entry.hash == prev

    async def test_one_write_goes_to_several_streams_and_each_has_its_own_chain(
        self, store: Store
    ) -> None:
        """Given two streams, when one write extends both, then each links to its own past only."""
        await store.write(Lane.COMMAND, writing(draft("halt/h", 1), draft("incident/i", 1)))
        await store.write(Lane.COMMAND, writing(draft("incident/i", 2), draft("halt/h", 2)))
        halt, incident = store.records(stream="halt/h"), store.records(stream="incident/i")
        assert [entry.position for entry in halt] == [1, 4]
        assert [entry.position for entry in incident] == [2, 3]
        assert halt[1].prev == halt[0].hash
        assert incident[1].prev == incident[0].hash
        assert store.last_position() == 4

    async def test_positions_are_dense_and_in_commit_order_under_concurrency(
        self, store: Store
    ) -> None:
        """Given 20 writers at once, when all are done, then no position is missing or doubled."""
        heard: list[int] = []

        def listen(news: Sequence[Committed]) -> None:
            heard.extend(record.position for each in news for record in each.records)

        store.on_commit(listen)

        async def writer(name: int) -> None:
            for version in range(1, 6):
                await store.write(LANES[name % 5], writing(draft(f"plan/{name}", version)))

        await asyncio.gather(*(writer(name) for name in range(20)))
        assert [entry.position for entry in store.records()] == list(range(1, 101))
        assert heard == list(range(1, 101))

    async def test_records_are_read_in_pages(self, store: Store) -> None:
        """Given five entries, when a page after the second is asked for, then it starts there."""
        for version in range(1, 6):
            await store.write(Lane.COMMAND, writing(draft("plan/p", version)))
        assert [entry.position for entry in store.records(after=2, limit=2)] == [3, 4]
        assert [e.position for e in store.records(after=3, limit=9, stream="plan/p")] == [4, 5]
        assert store.records(after=5) == []
        assert store.records(stream="plan/none") == []

    async def test_a_version_that_is_not_the_next_one_conflicts_and_writes_nothing(
        self, store: Store
    ) -> None:
        """Given version 1, when 1 or 3 is written again, then Conflict, and nothing of it stays."""
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1)))
        for version in (1, 3):
            turn = writing(
                draft("plan/q", 1), draft("plan/p", version),
                effects=(effect("e"),), policies={sha256(b"x"): "x"},
            )  # fmt: skip
            with pytest.raises(Conflict):
                await store.write(Lane.COMMAND, turn)
        assert store.last_position() == 1
        assert store.effects() == []
        assert store.policies() == {}
        await store.write(Lane.COMMAND, writing(draft("plan/q", 1), draft("plan/p", 2)))

    async def test_a_turn_that_raises_gets_its_exception_and_disturbs_nobody(
        self, store: Store
    ) -> None:
        """Given turns that share a sync, when some raise, then the others are kept."""

        def broken(_: TurnView) -> Write:
            raise LookupError("mine")

        results = await asyncio.gather(
            store.write(Lane.COMMAND, writing(draft("plan/a", 1))),
            store.write(Lane.COMMAND, broken),
            store.write(Lane.COMMAND, writing(draft("plan/a", 1))),
            store.write(Lane.COMMAND, writing(draft("plan/b", 1))),
            return_exceptions=True,
        )
        kinds = [type(result) for result in results]
        assert kinds == [Committed, LookupError, Conflict, Committed]
        assert [entry.stream for entry in store.records()] == ["plan/a", "plan/b"]

    async def test_a_draft_whose_hash_would_be_ambiguous_is_refused(self, store: Store) -> None:
        """Given the hash joins fields by newlines, then a field with a newline is not taken."""
        with pytest.raises(ValueError, match="single line"):
            await store.write(Lane.COMMAND, writing(draft("plan/a\nb", 1)))
        naive = draft("plan/a", 1, at=NOW.replace(tzinfo=None))
        with pytest.raises(ValueError, match="UTC"):
            await store.write(Lane.COMMAND, writing(naive))
        assert store.last_position() == 0

    # --- lanes and listeners -------------------------------------------------------------------

    async def test_the_most_urgent_lane_is_served_first_and_each_lane_in_order(
        self, store: Store
    ) -> None:
        """Given a busy writer and a long queue, when a halt arrives last, then it is next."""
        order: list[str] = []
        gate = threading.Event()

        def turn(name: str, *, blocks: bool = False) -> Callable[[TurnView], Write]:
            def run(_: TurnView) -> Write:
                if blocks:
                    gate.wait(5)
                order.append(name)
                return Write()

            return run

        async def open_gate() -> None:
            gate.set()

        await asyncio.gather(
            store.write(Lane.HALT, turn("busy", blocks=True)),
            *(store.write(Lane.INTAKE, turn(f"intake{n}")) for n in range(3)),
            store.write(Lane.COMMAND, turn("command")),
            store.write(Lane.PAGE, turn("page")),
            store.write(Lane.APPROVAL, turn("approval")),
            store.write(Lane.HALT, turn("halt")),
            open_gate(),
        )
        assert order == [
            "busy", "halt", "approval", "page", "command", "intake0", "intake1", "intake2",
        ]  # fmt: skip

    async def test_listeners_hear_of_a_write_before_its_author_does(self, store: Store) -> None:
        """Given a listener, when a write returns, then the listener has heard of it, once."""
        heard: list[Any] = []
        store.on_commit(lambda news: heard.extend(each.tag for each in news))
        committed = await store.write(Lane.COMMAND, writing(draft("plan/p", 1), tag="t"))
        assert heard == ["t"]
        with pytest.raises(Conflict):
            await store.write(Lane.COMMAND, writing(draft("plan/p", 1), tag="no"))
        assert heard == ["t"]
        assert committed.records[0].position == 1

    # --- idempotency ---------------------------------------------------------------------------

    async def test_a_reply_is_recalled_by_turns_that_share_the_sync_and_later_ones(
        self, store: Store
    ) -> None:
        """Given the same request twice at once, when both run, then only the first one writes."""
        reply = Reply("person:ada", "key-1", "digest", '{"halt":"h"}')

        def once(view: TurnView) -> Write:
            known = view.recall("person:ada", "key-1")
            if known is not None:
                return Write(tag=known)
            record = draft("halt/h", 1)
            return Write(records=(record,), bodies=(canonical(record.event),), reply=reply)

        results = await asyncio.gather(*(store.write(Lane.HALT, once) for _ in range(3)))
        assert [len(result.records) for result in results] == [1, 0, 0]
        assert [result.tag for result in results] == [None, reply, reply]

        def other(view: TurnView) -> Write:
            return Write(tag=view.recall("person:bob", "key-1"))

        assert (await store.write(Lane.HALT, other)).tag is None

    # --- beside the log ------------------------------------------------------------------------

    async def test_bodies_are_kept_only_under_their_true_digest(self, store: Store) -> None:
        """Given a body and a wrong digest, when it is written, then the whole write is refused."""
        with pytest.raises(ValueError, match="does not match"):
            await store.write(Lane.HALT, writing(draft("halt/h", 1), blobs={"0" * 64: b"x"}))
        with pytest.raises(ValueError, match="does not match"):
            await store.write(Lane.HALT, writing(draft("halt/h", 1), policies={"0" * 64: "x"}))
        assert store.last_position() == 0
        for _ in range(2):
            await store.write(Lane.HALT, writing(blobs={sha256(b"x"): b"x"}))
        assert store.blob(sha256(b"x")) == b"x"

    async def test_refusals_stand_apart_from_the_log_newest_first(self, store: Store) -> None:
        """Given refused commands, when they are listed, then the newest come first."""
        entries = [RefusalEntry(after(n), "person:bob", f"c{n}", ("a", "b")) for n in range(3)]
        for entry in entries:
            await store.write(Lane.COMMAND, writing(refusal=entry))
        assert store.refusals(2) == [entries[2], entries[1]]
        assert store.last_position() == 0

    async def test_checkpoints_come_back_in_order(self, store: Store) -> None:
        """Given two checkpoints, then both are kept; one for the future or a double is not."""
        await store.write(Lane.HALT, writing(draft("halt/h", 1), draft("halt/h", 2)))
        points = [Checkpoint(n, "c" * 64, after(n), "key", "sig") for n in (1, 2)]
        for point in points:
            await store.add_checkpoint(point)
        assert store.checkpoints() == points
        with pytest.raises(Conflict):
            await store.add_checkpoint(points[1])
        with pytest.raises(ValueError, match="no position 3"):
            await store.add_checkpoint(Checkpoint(3, "c" * 64, NOW, "key", "sig"))

    async def test_a_token_lives_until_it_expires_or_is_revoked(self, store: Store) -> None:
        """Given tokens, when one expires and a principal's are dropped, then they open nothing."""
        await store.put_token("d1", "person:ada", None)
        await store.put_token("d2", "person:ada", after(60))
        await store.put_token("d3", "agent:a1", None)
        assert store.token("d2", after(59)) == "person:ada"
        assert store.token("d2", after(60)) is None
        assert store.token("none", NOW) is None
        listed = {(row.principal, row.expires_at) for row in store.tokens()}
        assert listed == {("person:ada", None), ("person:ada", after(60)), ("agent:a1", None)}
        assert await store.drop_tokens("person:ada") == 2
        assert store.token("d1", NOW) is None
        assert store.token("d3", NOW) == "agent:a1"
        assert [row.principal for row in store.tokens()] == ["agent:a1"]

    async def test_the_size_grows(self, store: Store) -> None:
        """Given a store, when much is written, then it says that it is larger."""
        before = store.size_bytes()
        await store.write(Lane.COMMAND, writing(draft("plan/p", 1, "x" * 100_000)))
        assert store.size_bytes() > before
