"""Tests of facts, as the rows of tables, kinds, audiences, stop rules and criteria write them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.scalars import Name, Shape, Short, Words

# Where a mapping is a set of tests outside of the rows of a table. Like a row it is replaced as a
# whole by what extends it, and `null` in it means unknown.
_PLACES = (
    ("activation", "kinds", "*", "when"),
    ("audiences", "*", "when"),
    ("stop_rules", "*", "when"),
    ("phases", "*", "exit", "*", "impact"),
    ("stand_down", "*", "impact"),
)


def is_tests(path: tuple[str, ...]) -> bool:
    """Whether the mapping at a path of a protocol is a set of tests."""
    return any(
        len(place) == len(path)
        and all(step in ("*", name) for step, name in zip(place, path, strict=True))
        for place in _PLACES
    )


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    raise PydanticCustomError("scalar", "must be text, a whole number, true, false or null")


def _test(value: Any) -> Any:
    """`fact: 5` is short for `fact: {is: 5}`."""
    return value if isinstance(value, dict | list) else {"is": value}


_SCALAR = {"type": ["string", "integer", "boolean", "null"]}
Value = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema(_SCALAR),
    Words("scalar"),
]


class FactTest(Shape):
    """One or more tests of one fact; all must hold. `fact: 5` is short for `fact: {is: 5}`."""

    is_: Value = Field(default=None, alias="is", description="equal; `null` means unknown")
    is_not: Value = Field(default=None, description="known, and different; `null`: known")
    at_least: Value = Field(default=None, description="a number, or money such as `10000 USD`")
    more_than: Value = Field(default=None, description="as at_least")
    at_most: Value = Field(default=None, description="as at_least")
    less_than: Value = Field(default=None, description="as at_least")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("scalar", "must test something, such as {at_least: 5}")
        return self

    def written(self) -> list[tuple[str, Any]]:
        """(operator, value) of what stands in the document, in the order of the operators."""
        return [
            (name.rstrip("_"), getattr(self, name))
            for name in type(self).model_fields
            if name in self.model_fields_set
        ]


When = dict[Name, Annotated[FactTest, BeforeValidator(_test), Short((_SCALAR,))]]
