"""Releases that people have signed. The coordinator checks them, and holds no key that could make them."""

from __future__ import annotations

from collections.abc import Sequence

from allstop.application.checkpoints import Signatures
from allstop.application.command_post import CommandPost
from allstop.application.ports import Clock
from allstop.domain.halt.commands import ReleaseHalt
from allstop.domain.halt.order_text import FLEET, Statement
from allstop.domain.halt.standing_order import signers, trouble_with_statement

# The file of public release keys in the coordinator's state folder.
PINNED = "release.keys"


class Releases:
    """Turns what people have signed into a command. keys: the public release keys that are pinned here."""

    def __init__(self, post: CommandPost, keys: Signatures, clock: Clock) -> None:
        self._post = post
        self._keys = keys
        self._clock = clock

    def command(self, halt: str, because: str, statements: Sequence[Statement]) -> ReleaseHalt:
        """Ask for the release of a halt; a statement that does not count is refused with it, with the reason.

        What was signed before and has run out since counts no more.
        """
        now, audiences = self._clock.now().utc, frozenset((FLEET,))
        troubles = tuple(
            trouble_with_statement(one, halt, audiences, self._keys.check, now)
            for one in statements
        )
        found = self._post.world.halts.get(halt)
        kept = found.statements if found is not None else ()
        valid = signers((*kept, *statements), halt, audiences, self._keys.check, now)
        bad = tuple(one for one in troubles if one)
        return ReleaseHalt(halt, because, tuple(statements), tuple(sorted(valid)), bad)
