"""Ending the process at a named place, for crash tests."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping

from allstop.errors import Invalid

VARIABLE = "ALLSTOP_CRASH_AT"


class NoCrashPoints:
    """The ordinary life: every place is passed."""

    def reach(self, name: str) -> None:
        """Do nothing."""


class ProcessCrashPoints:
    """SIGKILL at the n-th reach of a name: `ALLSTOP_CRASH_AT="effect.acted:2"`; `:1` may be left out.

    SIGKILL, because nothing of this process may run afterwards: no handler, no buffer, no finally.
    Raises errors.Invalid for a hit that is no positive whole number.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        wanted = (os.environ if environment is None else environment).get(VARIABLE, "")
        name, _, hit = wanted.partition(":")
        if hit and not (hit.isascii() and hit.isdigit() and int(hit) > 0):
            raise Invalid(
                f"{VARIABLE} is {wanted!r}", "write it as name:hit, such as effect.acted:1"
            )
        self._name = name
        self._hit = int(hit or 1)
        self._seen: Counter[str] = Counter()

    def reach(self, name: str) -> None:
        """Pass the place, or end here."""
        self._seen[name] += 1
        if self._name and name == self._name and self._seen[name] == self._hit:
            os.kill(os.getpid(), signal.SIGKILL)
