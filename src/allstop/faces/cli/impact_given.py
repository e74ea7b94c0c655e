"""The impact as people state it: the options that `declare` and `impact` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from allstop.faces.cli.named import Named, Percent, Whole

F = TypeVar("F", bound=Callable[..., None])

_MONEY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,2})?) ?([A-Za-z]{3})", re.ASCII)
PERCENT, COUNT = Percent(), Whole(0, 2**53 - 1)
_YES = {"is_flag": True, "default": None, "flag_value": True}

# By the field of the API: the option, and what it says.
_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "functions_down": (
        "--function-down",
        {"multiple": True, "metavar": "NAME", "help": "A function of the business that is down."},
    ),
    "failed_share_percent": (
        "--failing",
        {"type": PERCENT, "metavar": "PERCENT", "help": "Share of requests that fail."},
    ),
    "users": ("--users", {"type": COUNT, "metavar": "N", "help": "How many people it hits."}),
    "lost_per_hour": (
        "--lost-per-hour",
        {"metavar": "MONEY", "help": 'Such as "5000 USD".'},
    ),
    "capacity_lost_percent": (
        "--capacity-lost",
        {"type": PERCENT, "metavar": "PERCENT", "help": "Share of the capacity that is gone."},
    ),
    "records_exposed": (
        "--records-exposed",
        {"type": COUNT, "metavar": "N", "help": "How many records somebody else could read."},
    ),
    "breach": ("--breach", {**_YES, "help": "Somebody is where they should not be."}),
    "data_loss": ("--data-loss", {**_YES, "help": "Data is lost or damaged."}),
    "financial_error": ("--financial-error", {**_YES, "help": "Money is booked wrongly."}),
    "server_errors": ("--server-errors", {**_YES, "help": "Servers answer with errors (HTTP 5xx)."}),
    "compliance": (
        "--compliance",
        {
            "type": click.Choice(["none", "possible", "violated"]),
            "help": "Whether a law or a contract is violated.",
        },
    ),
}  # fmt: skip


def impact_options(function: F) -> F:
    """Give a command the options of the impact."""
    for field, (option, settings) in reversed(_OPTIONS.items()):
        function = click.option(option, field, **settings)(function)
    return function


def take_impact(words: dict[str, Any]) -> dict[str, Any]:
    """The impact out of what was given; what was not said stays unknown, it is not zero."""
    found: dict[str, Any] = {}
    for field in _OPTIONS:
        value = words.pop(field)
        if value is not None and value != ():
            found[field] = list(value) if isinstance(value, tuple) else value
    if "lost_per_hour" in found:
        found["lost_per_hour"] = _money(found["lost_per_hour"])
    return found


def _money(text: str) -> Mapping[str, str]:
    match = _MONEY.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(
            f'{text!r} is no amount with its currency; one is "5000 USD"',
            param_hint="--lost-per-hour",
        )
    return {"amount": match[1], "currency": match[2].upper()}


SERVICES = click.option(
    "--service", "services", multiple=True, metavar="NAME", type=Named("service"),
    help="Suspected; repeatable.",
)  # fmt: skip
BECAUSE = click.option(
    "--because", required=True, metavar="TEXT", help="The reason, for the record."
)
