"""How a command ends: one table of exit codes, and the lines that explain a failure."""

from __future__ import annotations

import click

from allstop.errors import AllstopError, Invalid, Missing, Refused, Unauthenticated, Unavailable
from allstop.faces.cli.safe_text import safe

# Documented in docs/cli.md; scripts rely on them.
EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "failed",
    2: "wrong usage, or a request or document that is not well formed",
    3: "refused: understood, and not allowed now, or not to you",
    4: "not found",
    5: "unavailable: no coordinator answers, or something it needs does not",
    130: "interrupted",
}
_BY_KIND: tuple[tuple[type[AllstopError], int], ...] = (
    (Invalid, 2),
    (Refused, 3),
    (Unauthenticated, 3),
    (Missing, 4),
    (Unavailable, 5),
)
# HTTP statuses of a coordinator's problems; everything else is 1.
_BY_STATUS = {
    400: 2, 405: 2, 413: 2, 415: 2, 421: 2, 422: 2, 401: 3, 403: 3, 409: 3, 404: 4, 410: 4, 502: 5, 503: 5, 504: 5
}  # fmt: skip


class ProblemAnswer(AllstopError):
    """A coordinator answered with a problem. reasons: (text, hint) of each; body: its JSON."""

    def __init__(
        self,
        status: int,
        name: str,
        text: str,
        hint: str,
        reasons: tuple[tuple[str, str], ...],
        body: str,
    ) -> None:
        super().__init__(text, hint)
        self.status = status
        self.name = name
        self.reasons = reasons
        self.body = body


class Ended(Exception):
    """The command has said everything itself; only its exit code is left."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def exit_code(error: AllstopError) -> int:
    if isinstance(error, ProblemAnswer):
        return _BY_STATUS.get(error.status, 1)
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), 1)


def complain(error: AllstopError) -> None:
    """`error:` and `hint:` lines, every reason of a refusal on a line of its own."""
    for text, hint in _reasons(error):
        for line in text.splitlines() or [""]:
            click.echo(f"error: {safe(line)}", err=True)
        if hint:
            click.echo(f"hint:  {safe(hint)}", err=True)


def _reasons(error: AllstopError) -> tuple[tuple[str, str], ...]:
    if isinstance(error, ProblemAnswer) and error.reasons:
        return error.reasons
    if isinstance(error, Refused) and error.reasons:
        return tuple((text, hint) for _, text, hint in error.reasons)
    return ((error.text, error.hint),)
