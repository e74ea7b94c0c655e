"""What the payments team committed before the demo starts, and the bad release it is about.

The present source is the good release; earlier ones are made from it by undoing changes, so every
commit of the history is a program that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from allstop.sandbox.gitrepo import Author, Repository
from allstop.sandbox.layout import SandboxError

MARTA = Author("Marta Lindqvist", "marta.lindqvist@shop.example")
IDRIS = Author("Idris Okafor", "idris.okafor@shop.example")
JONAS = Author("Jonas Weber", "jonas.weber@shop.example")
RELEASES = Author("Shop Releases", "releases@shop.example")


@dataclass(frozen=True)
class Change:
    """A change to a source, as text replaced; each `before` occurs exactly once."""

    replaced: tuple[tuple[str, str], ...]

    def apply(self, source: str) -> str:
        """The source with the change. Raises SandboxError if it does not fit or is in already."""
        if all(after in source for _, after in self.replaced):
            raise SandboxError("the change is in the payments source already")
        for before, after in self.replaced:
            source = _swap(source, before, after)
        return source

    def undo(self, source: str) -> str:
        """The source without the change. Raises SandboxError if it was not there."""
        for before, after in reversed(self.replaced):
            source = _swap(source, after, before)
        return source


def _swap(source: str, old: str, new: str) -> str:
    if source.count(old) != 1:
        raise SandboxError(f"the payments source does not hold exactly once: {old!r}")
    return source.replace(old, new)


MORE_CURRENCIES = Change((('CURRENCIES = ("USD",)', 'CURRENCIES = ("USD", "EUR", "GBP")'),))
CARD_LIMIT = Change(
    (
        ('"GBP")\n', '"GBP")\nCARD_LIMIT_CENTS = 500_000\n'),
        (
            "    return amount, currency\n",
            (
                "    if amount > CARD_LIMIT_CENTS:\n"
                '        raise RefusedError(422, f"{amount} cents is above the card limit")\n'
                "    return amount, currency\n"
            ),
        ),
    )
)
INDEX = Change(
    (
        (
            ") STRICT;\n",
            ") STRICT;\nCREATE INDEX IF NOT EXISTS payments_by_order ON payments (order_id);\n",
        ),
    )
)
# Plausible, reviewed, wrong: the table's codes are lower case and the shop's are upper case, so
# every charge ends in a KeyError while /health goes on saying 200.
BAD = Change(
    (
        (
            "CARD_LIMIT_CENTS = 500_000\n",
            (
                "CARD_LIMIT_CENTS = 500_000\n"
                "# Digits after the decimal point of each currency.\n"
                'MINOR_UNITS = {"usd": 2, "eur": 2, "gbp": 2, "jpy": 0}\n'
            ),
        ),
        (
            '    amount = whole_of(body, "amount_cents", 0, 1_000_000_000)\n',
            (
                '    amount = whole_of(body, "amount_cents", 0, 1_000_000_000)\n'
                "    if amount % 10 ** (2 - MINOR_UNITS[currency]):\n"
                '        raise RefusedError(422, f"{currency} has no such fraction")\n'
            ),
        ),
    )
)
BAD_VERSION = "1.3.0"
BAD_MESSAGE = """payments: validate amounts in minor units before authorising

A charge of 1050 in a currency without decimals was accepted and sent to the card network as 10.50.
Check the amount against the currency's number of decimals first. Prepares for yen.
"""


def write_payments(
    repository: Repository,
    source: str,
    write: Callable[[str, str], None],
    now: datetime,
) -> None:
    """Commit the history of payments: five good changes, one of them on a branch and merged.

    `write(source, version)` writes a release's files into the working tree. The last commit
    holds `source` as it is.
    """

    def commit(text: str, version: str, message: str, author: Author, days: float) -> None:
        write(text, version)
        repository.commit(message, author, now - timedelta(days=days))

    before_limit = CARD_LIMIT.undo(source)
    first = MORE_CURRENCIES.undo(INDEX.undo(before_limit))
    commit(first, "1.0.0", "payments: charge an order once per idempotency key", MARTA, 41.2)
    euros = MORE_CURRENCIES.apply(first)
    commit(euros, "1.1.0", "payments: accept euros and pounds", IDRIS, 23.6)
    repository.run("switch", "--quiet", "--create", "card-limit")
    commit(
        CARD_LIMIT.apply(euros),
        "1.1.0",
        "payments: refuse charges above the card limit\n\nAsked for by the bank, see PAY-118.",
        JONAS,
        9.4,
    )
    repository.run("switch", "--quiet", "main")
    commit(INDEX.apply(euros), "1.1.1", "payments: index charges by order for refunds", IDRIS, 8.1)
    repository.merge("card-limit", "Merge branch 'card-limit'", MARTA, now - timedelta(days=6.3))
    commit(source, "1.2.0", "payments: release 1.2.0", MARTA, 6.2)


def commit_bad_release(repository: Repository, write: Callable[[str, str], None]) -> str:
    """Commit the bad release on top of what is there; returns the commit.

    Raises SandboxError if the release that is there is not the good one.
    """
    service = repository.folder / "service.py"
    write(BAD.apply(service.read_text(encoding="utf-8")), BAD_VERSION)
    return repository.commit(BAD_MESSAGE, JONAS)


FIRST_NOTES: Mapping[str, str] = {
    "accounts": "Sessions are kept in memory: a restart signs everybody out, which costs a second.",
    "catalog": "Prices are part of the release; a new price is a new release.",
    "orders": "An order is answered only when it is on disk. Never delete its database.",
    "analytics": "Best effort. Nothing waits for it, and it may be stopped at any time.",
    "gateway": "PUT /admin/routes/<service> isolates a service; the table survives a restart.",
}
"""What the second commit of each other service adds to its README."""
