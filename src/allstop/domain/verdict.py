"""The common answer type: allowed or not, always with every reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something may not happen.

    code: stable, kebab-case, for programs; text: one sentence for people; hint: what to do next.
    """

    code: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Yes when there is no reason against, otherwise no with all of them."""

    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @staticmethod
    def yes() -> Verdict:
        return Verdict()

    @staticmethod
    def no(code: str, text: str, hint: str = "") -> Verdict:
        return Verdict((Reason(code, text, hint),))

    def __and__(self, other: Verdict) -> Verdict:
        """Both must hold; the reasons of both are kept."""
        return Verdict(self.reasons + other.reasons)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest known word, or the known words when none is close."""
    names = sorted(known)
    # HALT-77 is not nearly HALT-3: of numbered things only the list helps.
    numbered = bool(re.fullmatch(r"[A-Z]+-?\d+", word))
    close = [] if numbered else get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"known: {shown}"
