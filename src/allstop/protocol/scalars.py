"""The small types of the documents: durations, names, money, and what all models have in common.

Spans, clock times and dates stand in `times`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError

_DURATION = re.compile(
    r"(?=[0-9])(?:(?P<d>[0-9]+)d)?(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m(?!s))?(?:(?P<s>[0-9]+)s)?(?:(?P<ms>[0-9]+)ms)?"
)
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
# Ten years: longer is a slip of the pen, and far from what a date can hold.
_LONGEST_MS = 3_650 * _UNITS["d"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MONEY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,4})?) ([A-Z]{3})")


@dataclass(frozen=True, slots=True)
class Words:
    """How the reference page calls a type."""

    text: str


@dataclass(frozen=True, slots=True)
class Short:
    """Marks a type that has a short form as well. also: its JSON Schema."""

    also: tuple[Any, ...]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [*self.also, handler(core)]}


class Shape(BaseModel):
    """Base of every model: no unknown keys, no guessing between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def parse_duration(value: Any) -> int:
    """Milliseconds of `500ms`, `15s`, `2m30s`, `24h`, `7d`. Raises PydanticCustomError."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value) if len(value) <= 40 else None
        if match and any(match.groupdict().values()):
            total = sum(
                int(count) * _UNITS[unit] for unit, count in match.groupdict().items() if count
            )
            if total <= _LONGEST_MS:
                return total
            raise PydanticCustomError("duration", "is longer than ten years")
    raise PydanticCustomError("duration", "must be a duration such as 500ms, 15s, 2m30s, 24h or 7d")


def _positive(value: Any) -> int:
    milliseconds = parse_duration(value)
    if milliseconds == 0:
        raise PydanticCustomError("duration", "must be longer than nothing")
    return milliseconds


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("name", "must be a name; put quotes around it to make it text")
    if not _NAME.fullmatch(value):
        raise PydanticCustomError(
            "name",
            "must be a name: up to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit",
        )
    return value


def parse_money(text: str) -> tuple[str, str] | None:
    """Amount and currency of `10000 USD`, or None when it is no money."""
    match = _MONEY.fullmatch(text)
    if not match:
        return None
    return format(Decimal(match[1]).normalize(), "f"), match[2]


_DURATION_SCHEMA = {"type": "string", "examples": ["500ms", "15s", "2m30s", "7d"]}
_NAME_SCHEMA = {"type": "string", "pattern": f"^{_NAME.pattern}$"}

Duration = Annotated[
    int, BeforeValidator(_positive), WithJsonSchema(_DURATION_SCHEMA), Words("duration")
]
DurationOrZero = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema(_DURATION_SCHEMA),
    Words("duration, may be 0s"),
]
Name = Annotated[str, BeforeValidator(_name), WithJsonSchema(_NAME_SCHEMA), Words("name")]
Text = Annotated[str, Words("text")]
Percent = Annotated[int, Field(ge=1, le=100), Words("percent, 1 to 100")]
Entry = Annotated[str, Field(min_length=1), Words("grant entry")]
Mark = Annotated[str, Field(min_length=1), Words("mark")]
Options = Annotated[
    dict[str, Any], Field(default_factory=dict), Words("mapping, as the adapter says")
]
