"""Keeps what stands on this machine: takes in orders, checks them once, writes journal and state file, in this order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from allstop.adapters.mechanisms.files import append
from allstop.adapters.mechanisms.files import replace as put
from allstop.domain.halt.order_text import Carried, StandingHalt, Statement
from allstop.domain.halt.scope import DEFAULT, normal, trouble_with
from allstop.domain.halt.standing_order import (
    Accepted,
    Known,
    Refused,
    accept,
    carried,
    signers,
)
from allstop.errors import Corrupt, Invalid, Missing
from allstop.errors import Refused as NotAllowed
from allstop.gate.state_file import State, Unreadable, parse
from allstop.host import uptime
from allstop.host.journal import Kept, LocalHalt, read_journal, write_journal
from allstop.host.keys import Keys
from allstop.host.rendering import Place, state_of
from allstop.host.settings import HostSettings

STATE = "state"
REFUSALS = "refused"
_REMEMBERED = 50
_MOST_LOCAL = 100
_LARGEST_REFUSALS = 1_000_000


@dataclass(frozen=True, slots=True)
class Turned:
    """A refusal, when it was, and of which number as far as that is known."""

    at: datetime
    code: str
    because: str


class Keeper:
    """What stands here. now: UTC; folders: work trees on this machine by the name of their repository.

    Raises Corrupt when journal or state file make no sense: then nothing is changed, and what stands, stands.
    """

    def __init__(
        self,
        settings: HostSettings,
        keys: Keys,
        now: Callable[[], datetime],
        folders: Callable[[], dict[str, tuple[str, ...]]],
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._now = now
        self._folders = folders
        self.refused: deque[Turned] = deque(maxlen=_REMEMBERED)
        self.unreported: deque[Turned] = deque(maxlen=_REMEMBERED)
        self.kept = self._recalled()
        self.state = self.rewrite()

    @property
    def seq(self) -> int:
        return self.kept.known.seq

    @property
    def halts(self) -> tuple[StandingHalt, ...]:
        return (*self.kept.known.halts, *(one.halt for one in self.kept.local))

    def take(self, envelope: str) -> Accepted | None:
        """One envelope; None when it was refused whole. What was refused is written down. Raises OSError."""
        found = accept(
            self.kept.known, envelope, self._check("order"), self._check("release"), self._now()
        )
        if isinstance(found, Refused):
            self._note(found)
            return None
        for remark in found.remarks:
            self._note(remark)
        if found.known != self.kept.known:
            self._keep(replace(self.kept, known=found.known))
        return found

    def order_here(self, scope: str, classes: tuple[str, ...], by: str) -> str:
        """A halt of this machine's own, for when the coordinator cannot be asked. Raises Invalid, NotAllowed, OSError."""
        sentence = trouble_with(scope)
        if sentence:
            raise Invalid(sentence, "all, team:, agent:, session:, repository: or host:")
        if len(self.kept.local) >= _MOST_LOCAL:
            text = f"{_MOST_LOCAL} halts were ordered on this machine already"
            raise NotAllowed((("too-many", text, "allstop host status"),))
        try:
            meant = normal(classes or DEFAULT)
        except ValueError as error:
            raise Invalid(
                str(error), "read, write, exec, net, deploy, spend, comms, other"
            ) from error
        same = next(
            (
                one
                for one in self.kept.local
                if (one.halt.scope, one.halt.classes) == (scope, meant)
            ),
            None,
        )
        if same is not None:
            return same.halt.id
        number = self.kept.made + 1
        halt = StandingHalt(
            f"LOCAL-{self._settings.name[:40]}-{number}", scope=scope, classes=meant
        )
        local = (*self.kept.local, LocalHalt(halt, self._now(), by))
        self._keep(replace(self.kept, local=local, made=number))
        return halt.id

    def take_signed(self, statement: Statement) -> str:
        """A halt that somebody with a pinned release key signed elsewhere. Taken once: after it was lifted the same file is a replay.

        Raises NotAllowed, with what was refused written down, and as `order_here` does.
        """
        now = self._now()
        found = carried(statement, self._settings.name, self._check("release"), now)
        digest = hashlib.sha256(statement.text.encode("utf-8", "surrogatepass")).hexdigest()
        by = f"key {statement.key[:16]}"
        if isinstance(found, Carried) and digest in {one for one, _ in self.kept.taken}:
            meant = (found.scope, found.classes)
            standing = [
                one.halt.id
                for one in self.kept.local
                if (one.halt.scope, one.halt.classes) == meant
            ]
            if standing:
                return standing[0]
            found = Refused(
                "replayed", "the same signed halt was taken here before, and was lifted"
            )
        if isinstance(found, Refused):
            self._note(found)
            raise NotAllowed(((found.code, found.because, "allstop host halt orders one by hand"),))
        halt = self.order_here(found.scope, found.classes, by)
        good = tuple(one for one in self.kept.taken if one[1] >= now)
        self._keep(replace(self.kept, taken=(*good, (digest, found.not_after))))
        return halt

    def lift_here(
        self, halt: str, *, as_root: bool, statements: tuple[Statement, ...] = ()
    ) -> None:
        """End a halt of this machine's own: root may, and whoever signs with a pinned release key. Raises Missing, NotAllowed."""
        if all(one.halt.id != halt for one in self.kept.local):
            raise Missing(
                f"no halt {halt} was ordered on this machine",
                "One of the coordinator is lifted there: allstop release HALT",
            )
        mine = (f"host:{self._settings.name}",)
        if not as_root and not signers(statements, halt, mine, self._check("release"), self._now()):
            text = f"{halt} is lifted by root, or by a statement signed with a pinned release key"
            raise NotAllowed((("not-allowed", text, f"sudo allstop host lift {halt}"),))
        local = tuple(one for one in self.kept.local if one.halt.id != halt)
        self._keep(replace(self.kept, local=local))

    def rewrite(self) -> State:
        """The state file again, for this boot, this minute and these work trees. Raises OSError."""
        place = Place(
            self._settings.name, self._folders(), uptime.boot(), uptime.seconds(), self._now(),
            self._settings.unknown == "covered", self._settings.lease == "closed",
        )  # fmt: skip
        text, state = state_of(self.kept.known, (one.halt for one in self.kept.local), place)
        put(self._settings.folder / STATE, text, mode=0o644)
        self.state = state
        return state

    def _keep(self, kept: Kept) -> None:
        write_journal(self._settings.folder, kept)
        self.kept = kept
        self.rewrite()

    def _check(self, kind: str) -> Callable[[str, bytes, str], bool | None]:
        return lambda key, message, signature: self._keys.check(kind, key, message, signature)

    def _note(self, refused: Refused) -> None:
        turned = Turned(self._now(), refused.code, refused.because)
        self.refused.append(turned)
        self.unreported.append(turned)
        path = self._settings.folder / REFUSALS
        line = f"{turned.at.isoformat()} {turned.code} {turned.because}"[:500]
        with suppress(OSError):  # a full disk keeps no order from being refused
            if path.exists() and path.stat().st_size > _LARGEST_REFUSALS:
                path.replace(path.with_suffix(".old"))
            append(path, line.encode("ascii", "backslashreplace") + b"\n")

    def _recalled(self) -> Kept:
        """What was kept; a state file that says more than the journal is believed rather than overwritten."""
        name, folder = self._settings.name, self._settings.folder
        kept = read_journal(folder, name)
        standing = _standing(folder / STATE)
        if standing is None:
            return kept or Kept(Known(name))
        if kept is None and standing.halts:
            raise Corrupt(
                f"{folder / STATE} holds halts, and there is no journal of them",
                "Put the journal back from a copy; or, when a person is sure that no halt stands, remove the state file.",
            )
        if kept is not None and standing.seq > kept.known.seq:
            raise Corrupt(
                f"{folder / STATE} is of order {standing.seq}, the journal of order {kept.known.seq}",
                "Somebody put an old journal back. Put the right one back, or let a person decide.",
            )
        return kept or Kept(Known(name))


def _standing(path: Path) -> State | None:
    try:
        return parse(path.read_bytes().decode("utf-8", "surrogateescape"))
    except (FileNotFoundError, Unreadable):
        return None  # gates block until it is written again, which happens now
