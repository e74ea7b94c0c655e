"""JSON from strangers: one meaning or none, and bounded work to find out.

Everything that other parsers read differently is refused: duplicate keys, NaN, lone surrogates,
numbers that do not survive the trip through a double. The cost is linear in the size, nesting is
bounded before the parser sees it, and nothing here can overflow the stack.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from allstop.faces.http.problems import Malformed

DEEPEST = 64
MOST_VALUES = 10_000
LARGEST = 2**53 - 1
LONGEST_NUMBER = 17

# A string, or what is left of one that never ends. Possessive, so a hostile body cannot make it
# look at the same bytes twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def read_json(body: bytes) -> Any:
    """The value of a JSON text. Raises Malformed, which never repeats what was sent."""
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Malformed("the body begins with a byte order mark", "send plain UTF-8")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8 (byte {error.start})", "send UTF-8") from None
    _check_shape(body)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(f"the body is not JSON: {error.msg} at {where}") from None
    _check_characters(canonical(value))
    return value


def canonical(value: Any) -> str:
    """One text for each value: sorted keys, no blanks."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check_shape(body: bytes) -> None:
    """Nesting and number of values, before anything recursive touches the text."""
    bare = _STRING.sub(b"", body)
    if bare.count(b",") > MOST_VALUES:
        raise Malformed(f"the body has more than {MOST_VALUES} values")
    brackets = bare.translate(None, _NOT_BRACKETS)
    if not brackets:
        return
    for _ in range(DEEPEST):
        peeled = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if not peeled:
            return
        if len(peeled) == len(brackets):
            raise Malformed("the body is not JSON: its brackets do not match")
        brackets = peeled
    raise Malformed(f"the body is nested deeper than {DEEPEST} levels")


def _check_characters(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(
            "the body holds half of a surrogate pair", "send whole characters"
        ) from None
    if _NUL.search(text):
        raise Malformed("the body holds a NUL character")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("the body names a key twice", "send every key once")
    return found


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER or abs(number := int(digits)) > LARGEST:
        raise Malformed("the body holds a number of 2^53 or more", "send large numbers as strings")
    return number


def _fraction(_: str) -> NoReturn:
    raise Malformed(
        "the body holds a number with a fraction or an exponent",
        'send whole numbers, and amounts as decimal strings such as "12.50"',
    )


def _constant(_: str) -> NoReturn:
    raise Malformed("the body is not JSON: NaN and Infinity are no numbers")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
)
