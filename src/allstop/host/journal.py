"""What a host has accepted, on disk: written before the state file, so that a crash can only leave more standing, never less."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from allstop.adapters.mechanisms.files import replace as put
from allstop.domain.halt.order_text import StandingHalt, StandingOrder, order_text, read_order
from allstop.domain.halt.standing_order import Known
from allstop.errors import Corrupt

FILE = "journal.json"
_VERSION = 1
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_ANY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LocalHalt:
    """A halt that was ordered on this machine, while the coordinator could not be asked. by: who the kernel said it was."""

    halt: StandingHalt
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """All that must survive: what was accepted from the coordinator, and what was ordered here. made: local halts ever;
    taken: signed halts that were taken, by the SHA-256 of their text, each until when it would be good."""

    known: Known
    local: tuple[LocalHalt, ...] = ()
    made: int = 0
    taken: tuple[tuple[str, datetime], ...] = ()


def write_journal(folder: Path, kept: Kept) -> None:
    """Durable when it returns. Raises OSError."""
    known = kept.known
    body = {
        "v": _VERSION,
        "host": known.host,
        "seq": known.seq,
        "text": known.text,
        "known": order_text(replace(_carrier(known), halts=known.halts)),
        "local": [
            {
                "halt": order_text(replace(_carrier(Known(known.host)), halts=(one.halt,))),
                "at": one.at.isoformat(),
                "by": one.by,
            }
            for one in kept.local
        ],
        "made": kept.made,
        "taken": [[digest, until.isoformat()] for digest, until in kept.taken],
    }
    put(folder / FILE, json.dumps(body, ensure_ascii=False) + "\n", mode=0o600)


def read_journal(folder: Path, host: str) -> Kept | None:
    """What was kept; None when nothing ever was. Raises Corrupt when the journal makes no sense."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text("utf-8"))
        order = read_order(found["known"])
        known = Known(
            host, int(found["seq"]), str(found["text"]), order.halts, order.passes, order.frozen
        )
        local = tuple(
            LocalHalt(
                read_order(one["halt"]).halts[0], datetime.fromisoformat(one["at"]), str(one["by"])
            )
            for one in found["local"]
        )
        taken = tuple(
            (str(digest), datetime.fromisoformat(until)) for digest, until in found.get("taken", ())
        )
        return Kept(known, local, int(found["made"]), taken)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Corrupt(
            f"{path} makes no sense: {error}",
            "What stands in the state file goes on to stand. Put the journal back from a copy, or, when a person is "
            "sure that no halt stands, remove journal and state file and start again.",
        ) from error


def _carrier(known: Known) -> StandingOrder:
    """An order in which what is known can be written by the same strict text as on its way here."""
    return StandingOrder(
        "journal", f"host:{known.host}", max(1, known.seq), _ANY, _NEVER,
        passes=known.passes, frozen=known.frozen,
    )  # fmt: skip
