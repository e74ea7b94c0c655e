"""The tree of errors a user may meet: a stable code, one sentence, and a hint what to do next.

Faces map the *kind* (class) to an exit code or a status in one table each.
"""

from __future__ import annotations

from typing import ClassVar


class AllstopError(Exception):
    """Something went wrong that Allstop can explain."""

    code: ClassVar[str] = "failed"

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


class Invalid(AllstopError):
    """The request or a document is not well formed."""

    code = "invalid"


class Missing(AllstopError):
    """Nothing by that name."""

    code = "not-found"


class Refused(AllstopError):
    """Understood, and not allowed now. reasons: (code, text, hint) of each."""

    code = "refused"

    def __init__(self, reasons: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__(
            "; ".join(text for _, text, _ in reasons), reasons[0][2] if reasons else ""
        )
        self.reasons = reasons


class Unauthenticated(AllstopError):
    """Nobody could be recognised behind the request."""

    code = "unauthenticated"


class Unavailable(AllstopError):
    """Something that is needed does not answer, or another coordinator holds it."""

    code = "unavailable"


class Corrupt(AllstopError):
    """The database did not pass its checks; Allstop does not run on it."""

    code = "corrupt"


class KeyReused(AllstopError):
    """An idempotency key came back with a different request."""

    code = "idempotency-key-reused"
