"""What is done inside the writer's transaction, statement by statement."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from allstop.adapters.sqlite.held import Held
from allstop.adapters.sqlite.opening import Opened
from allstop.application import digests
from allstop.application.claiming import claimed_at_once, with_claims
from allstop.application.codec import read_effect, write_effect, write_time
from allstop.application.heads import (
    EPOCH,
    REFUSALS_KEPT,
    REPLIES_LIVE,
    Heads,
    check_ending,
    committed,
    written_at,
)
from allstop.application.ports import (
    Checkpoint,
    Claim,
    Committed,
    Conflict,
    EffectState,
    Finish,
    RefusalEntry,
    Reply,
    StoredRecord,
    TurnView,
    Write,
)
from allstop.domain.effects import LANES, Lane

_PRUNE_EVERY = 256
# Entries to a statement, and the place of one.
_AT_ONCE = 16
_ENTRY = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def utc(at: datetime) -> str:
    """A time as text that sorts. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("times are aware")
    return write_time(at.astimezone(UTC))


def _row(entry: StoredRecord) -> tuple[str | int, ...]:
    return (
        entry.position, entry.stream, entry.version, entry.kind, entry.schema,
        write_time(entry.at), entry.actor, entry.cause, entry.body, entry.prev, entry.hash,
    )  # fmt: skip


class Pen:
    """The write connection and what is known about the log; lives in the writer's thread.

    A method that raises may have written a part: the writer takes the part back.
    """

    def __init__(self, opened: Opened, incarnation: str) -> None:
        self.connection = opened.connection
        self.heads: Heads = opened.heads
        self._latest = self._settled = opened.latest
        self._held = Held()
        self._incarnation = incarnation
        self._replies_until_prune = 0
        self.volume = 0  # bytes of large texts written, to tell when a checkpoint is due

    def mark(self) -> Callable[[], None]:
        """What forgets everything since this call, up to the last commit."""
        heads, held = self.heads.mark(), self._held.mark()

        def back() -> None:
            self.heads.back_to(heads)
            self._held.back_to(held)

        return back

    def rewind(self) -> None:
        """Forget everything since the last commit."""
        self.heads.rewind()
        self._held.back_to()
        self._latest = self._settled

    def settle(self) -> None:
        """Everything so far is durable."""
        self.heads.settle()
        self._held.settle()
        self._settled = self._latest

    # --- turns ---------------------------------------------------------------------------------

    def recall(self, principal: str, key: str) -> Reply | None:
        """The reply under an idempotency key, those of this very batch included."""
        row = self.connection.execute(
            "SELECT request, body FROM replies WHERE principal = ? AND key = ?", (principal, key)
        ).fetchone()
        return Reply(principal, key, row[0], row[1]) if row else None

    def write(self, turn: Callable[[TurnView], Write]) -> Committed:
        """Run a turn and do what it says."""
        draft = turn(self)
        entries = self.heads.link(draft)
        digests.check(draft)
        at = written_at(draft, self._latest)
        if draft.finish is not None:
            self._finish(draft.finish, at)
        if entries:
            self._events(entries)
        claims = self._effects(draft, at) if draft.effects else []
        self._bodies(draft)
        if draft.refusal is not None:
            self._refusal(draft.refusal)
        if draft.reply is not None:
            self._reply(draft.reply, at)
        self._latest = max(self._latest, at)
        self.volume += sum(map(len, draft.bodies)) + sum(map(len, draft.blobs.values()))
        if draft.applied is not None:
            draft.applied()
        return with_claims(committed(draft, entries), draft, claims)

    def _events(self, entries: tuple[StoredRecord, ...]) -> None:
        # Some at once: between two statements the thread stands in line for the interpreter.
        for first in range(0, len(entries), _AT_ONCE):
            some = entries[first : first + _AT_ONCE]
            self.connection.execute(
                f"INSERT INTO events VALUES {', '.join([_ENTRY] * len(some))}",  # noqa: S608 - question marks
                [value for entry in some for value in _row(entry)],
            )
        self.heads.extend(entries)

    def _effects(self, draft: Write, at: datetime) -> list[Claim]:
        at_once = claimed_at_once(draft, at, self._held.count, self._waits)
        due, claims = utc(draft.effects_due or at), []
        for effect in draft.effects:
            text = write_effect(effect)
            claim = None
            if effect.id in at_once:
                # Read back, as every claim is: whoever acts gets what is stored, and nothing else.
                claim = Claim(read_effect(text), self._token(effect.id, 1), 1, observe=False)
            self.connection.execute(
                "INSERT INTO outbox (id, stream, lane, effect, digest, due_at, "
                "state, attempt, claims, token, incarnation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    effect.id, effect.stream, str(effect.lane), text,
                    digests.sha256(text.encode()), due,
                    *((str(EffectState.PENDING), 0, 0, None, "") if claim is None
                      else (str(EffectState.CLAIMED), 1, 1, claim.token, self._incarnation)),
                ),
            )  # fmt: skip
            if claim is not None:
                self._held.take(claim.token, effect.lane)
                claims.append(claim)
        return claims

    def _token(self, id: str, count: int) -> str:
        """What fences a claim: of this coordinator, on this effect, taken so often by now."""
        return f"{self._incarnation}/{id}/{count}"

    def _waits(self, lanes: Sequence[Lane], at: datetime) -> bool:
        marks = ", ".join("?" * len(lanes))
        found = self.connection.execute(
            f"SELECT 1 FROM outbox WHERE lane IN ({marks}) "  # noqa: S608 - question marks
            "AND state IN ('pending', 'unknown') AND due_at <= ? LIMIT 1",
            (*map(str, lanes), utc(at)),
        ).fetchone()
        return found is not None

    def _finish(self, finish: Finish, at: datetime) -> None:
        check_ending(finish)
        changed = self.connection.execute(
            "UPDATE outbox SET state = ?, because = ?, due_at = ?, token = NULL "
            "WHERE token = ? AND state = 'claimed'",
            (str(finish.state), finish.because, utc(finish.due_at or at), finish.token),
        ).rowcount
        if changed != 1:
            raise Conflict(f"claim {finish.token} is no longer held")
        self._held.release(finish.token)

    def _bodies(self, draft: Write) -> None:
        for digest, text in draft.policies.items():
            self.connection.execute(
                "INSERT INTO policies VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, text)
            )
        for digest, body in draft.blobs.items():
            self.connection.execute(
                "INSERT INTO blobs VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, body)
            )

    def _refusal(self, refusal: RefusalEntry) -> None:
        place = self.connection.execute(
            "INSERT INTO refusals (at, actor, command, reasons) VALUES (?, ?, ?, ?)",
            (utc(refusal.at), refusal.actor, refusal.command, json.dumps(refusal.reasons)),
        ).lastrowid
        self.connection.execute(
            "DELETE FROM refusals WHERE id <= ?", ((place or 0) - REFUSALS_KEPT,)
        )

    def _reply(self, reply: Reply, at: datetime) -> None:
        self.connection.execute(
            "INSERT INTO replies VALUES (?, ?, ?, ?, ?) ON CONFLICT (principal, key) "
            "DO UPDATE SET request = excluded.request, body = excluded.body, at = excluded.at",
            (reply.principal, reply.key, reply.request, reply.body, utc(at)),
        )
        if self._replies_until_prune == 0:
            oldest = max(self._latest, at) - REPLIES_LIVE if at > EPOCH + REPLIES_LIVE else EPOCH
            self.connection.execute("DELETE FROM replies WHERE at < ?", (utc(oldest),))
            self._replies_until_prune = _PRUNE_EVERY
        self._replies_until_prune -= 1

    # --- claims --------------------------------------------------------------------------------

    def adopt(self) -> None:
        """Mark every claim UNKNOWN and due whatever the clock says.

        We hold the lock, so whoever claimed it has ended, whatever its incarnation was called.
        """
        self.connection.execute(
            "UPDATE outbox SET state = 'unknown', token = NULL, due_at = ?, "
            "because = 'the coordinator ' || incarnation || ' ended before it reported' "
            "WHERE state = 'claimed'",
            (utc(EPOCH),),
        )
        self.connection.execute(
            "INSERT INTO meta VALUES ('incarnation', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (self._incarnation,),
        )

    def claim(
        self, lanes: Sequence[Lane], limit: int, now: datetime, under_way: int | None
    ) -> list[Claim]:
        """Take what is due, most urgent lane first, the longest due first within a lane.

        Taking an UNKNOWN effect (observe first) leaves its attempt as it is: nothing is done again
        before somebody has looked.
        """
        claims: list[Claim] = []
        if under_way is not None:
            limit = min(limit, under_way - self._held.count(lanes))
        for lane in LANES:
            if lane in lanes and len(claims) < limit:
                rows = self.connection.execute(
                    "SELECT seq, effect, state, attempt, claims FROM outbox "
                    "WHERE lane = ? AND state IN ('pending', 'unknown') AND due_at <= ? "
                    "ORDER BY due_at, seq LIMIT ?",
                    (str(lane), utc(now), limit - len(claims)),
                ).fetchall()
                claims += [self._claim(*row) for row in rows]
        return claims

    def _claim(self, seq: int, effect: str, state: str, attempt: int, count: int) -> Claim:
        observe = state == EffectState.UNKNOWN
        attempt += 0 if observe else 1
        found = read_effect(effect)
        token = self._token(found.id, count + 1)
        self.connection.execute(
            "UPDATE outbox SET state = 'claimed', token = ?, attempt = ?, claims = ?, "
            "incarnation = ? WHERE seq = ?",
            (token, attempt, count + 1, self._incarnation, seq),
        )
        self._held.take(token, found.lane)
        return Claim(found, token, attempt, observe)

    # --- beside the log ------------------------------------------------------------------------

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        if checkpoint.position > self.heads.position:
            raise ValueError(f"there is no position {checkpoint.position} yet")
        self.connection.execute(
            "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)",
            (
                checkpoint.position, checkpoint.chain, utc(checkpoint.at),
                checkpoint.key_id, checkpoint.signature,
            ),
        )  # fmt: skip

    def put_token(self, digest: str, principal: str, expires_at: datetime | None) -> None:
        self.connection.execute(
            "INSERT INTO tokens VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE "
            "SET principal = excluded.principal, expires_at = excluded.expires_at",
            (digest, principal, utc(expires_at) if expires_at else None),
        )

    def drop_tokens(self, principal: str) -> int:
        return self.connection.execute(
            "DELETE FROM tokens WHERE principal = ?", (principal,)
        ).rowcount
