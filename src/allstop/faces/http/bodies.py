"""Request bodies: bounded reading, and checking against an operation's model."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from allstop.domain.verdict import nearest
from allstop.faces.http.problems import (
    Because,
    Malformed,
    TooLarge,
    TooSlow,
    WrongFields,
    WrongType,
)
from allstop.faces.http.strict_json import canonical, read_json

LIMIT = 1_000_000
WITHIN_S = 30
MOST_REASONS = 50
LONGEST_KEY = 64


async def read_body(request: Request) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be, TooSlow, ClientDisconnect."""
    length = request.headers.get("content-length", "0")
    # Digits first: a length of a thousand digits is not worth turning into a number.
    if not (length.isascii() and length.isdigit()):
        raise Malformed("Content-Length is no number")
    if len(length) > len(str(LIMIT)) or int(length) > LIMIT:
        raise _too_large()
    if request.headers.get("content-encoding", "identity") != "identity":
        raise WrongType("compressed bodies are not read", "send it as it is")
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _collect(request)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {WITHIN_S} seconds") from None


async def _collect(request: Request) -> bytes:
    found = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        found += message.get("body", b"")
        if len(found) > LIMIT:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(found)


def _too_large() -> TooLarge:
    return TooLarge(f"a body may have {LIMIT} bytes", "keep large evidence where it is and link it")


def check_type(request: Request) -> None:
    """Exactly application/json; charset=utf-8 is tolerated. Raises WrongType."""
    given = request.headers.getlist("content-type")
    parts = [part.strip().lower() for part in given[0].split(";")] if len(given) == 1 else [""]
    charset = [part.replace('"', "") for part in parts[1:] if part]
    if parts[0] != "application/json" or charset not in ([], ["charset=utf-8"]):
        raise WrongType("the body must be JSON", "send Content-Type: application/json")


async def read_model(request: Request, model: type[BaseModel]) -> tuple[BaseModel, str]:
    """The body as the operation's model, and its canonical text for the idempotency digest.

    An operation that takes no fields also takes no body at all. Raises subclasses of Invalid.
    """
    body = await read_body(request)
    if not body and not model.model_fields:
        return model(), "{}"
    check_type(request)
    value = read_json(body)
    text = canonical(value)
    try:
        # From JSON, so that strict still reads arrays and times; from our text, so there is one parser.
        return model.model_validate_json(text, strict=True), text
    except ValidationError as error:
        raise _wrong_fields(error, model) from None


def _wrong_fields(error: ValidationError, model: type[BaseModel]) -> WrongFields:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    reasons = [_reason(one["type"], one["loc"], one["msg"], model) for one in found[:MOST_REASONS]]
    if len(found) > MOST_REASONS:
        reasons.append(Because("more", f"and {len(found) - MOST_REASONS} more"))
    many = "one error" if len(found) == 1 else f"{len(found)} errors"
    return WrongFields(f"the body has {many}", tuple(reasons))


def _reason(kind: str, loc: tuple[int | str, ...], text: str, model: type[BaseModel]) -> Because:
    where = pointer(loc)
    if kind == "extra_forbidden":
        hint = nearest(_shown(str(loc[-1])), _fields(model, loc[:-1]))
        return Because("unknown-field", "there is no such field", hint, where)
    if kind == "missing":
        return Because("missing-field", "this field is required", "", where)
    return Because(kind.replace("_", "-"), text, "", where)


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The names that are known at a place inside the model."""
    for step in loc:
        field = model.model_fields.get(str(step))
        inner: Any = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def pointer(loc: tuple[int | str, ...]) -> str:
    """RFC 6901. Keys are the sender's words: cut short and kept to one line."""
    steps = (_shown(str(step)).replace("~", "~0").replace("/", "~1") for step in loc)
    return "".join(f"/{step}" for step in steps)


def _shown(key: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in key[:LONGEST_KEY])
