"""How a command ends: one table of exit codes, and the lines that explain a failure."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from allstop.errors import AllstopError, Invalid, Missing, Refused, Unauthenticated, Unavailable
from allstop.faces.cli.safe_text import safe

LONGEST_LINE = 1_000

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

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of each reason, for what is decided here."""
        try:
            found = json.loads(self.body).get("reasons", ())
            return tuple(str(one["code"]) for one in found)
        except (ValueError, AttributeError, TypeError, KeyError):
            return ()

    def instead(self, *reasons: tuple[str, str]) -> ProblemAnswer:
        """The same problem in words that fit the command. Its JSON stays what the coordinator said."""
        return ProblemAnswer(self.status, self.name, self.text, self.hint, reasons, self.body)


class Ended(Exception):
    """The command has said everything itself; only its exit code is left."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def exit_code(error: AllstopError) -> int:
    if isinstance(error, ProblemAnswer):
        return _BY_STATUS.get(error.status, 1)
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), 1)


def complain(error: AllstopError, addressed: Callable[[str], str], otherwise: str) -> None:
    """`error:` and `hint:` lines, every reason of a refusal on a line of its own.

    addressed: a hint made one about the incident that was named; otherwise: the hint of an error that
    has none.
    """
    reasons = _reasons(error)
    for text, hint in reasons:
        for line in text.splitlines() or [""]:
            click.echo(f"error: {short(line)}", err=True)
        if hint:
            click.echo(f"hint:  {short(addressed(hint))}", err=True)
    if otherwise and not any(hint for _, hint in reasons):
        click.echo(f"hint:  {otherwise}", err=True)


def short(line: str) -> str:
    """A line as it may be printed: harmless, and what somebody pasted by mistake not at its full length."""
    if len(line) > LONGEST_LINE:
        line = f"{line[:LONGEST_LINE]} ... ({len(line):,} characters)"
    return safe(line)


def _reasons(error: AllstopError) -> tuple[tuple[str, str], ...]:
    if isinstance(error, ProblemAnswer) and error.reasons:
        return error.reasons
    if isinstance(error, Refused) and error.reasons:
        return tuple((text, hint) for _, text, hint in error.reasons)
    return ((error.text, error.hint),)
