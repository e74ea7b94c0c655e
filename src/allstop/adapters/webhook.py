"""Notifier `webhook`: posts a message as JSON, signed per Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field

from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.http_calls import (
    NoAnswer,
    Request,
    call,
    connects,
    not_accepted,
)
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import many_lines, one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, retry, unknown


class PostOptions(Options):
    """The receiver, and one message."""

    url: str = Field(title="URL", description="Address to POST to, http or https.")
    secret_file: str = Field(
        default="",
        title="Secret file",
        description="File with the signing secret (whsec_... or base64); empty: not signed.",
    )
    to: str = Field(default="", title="To", description="Who is addressed.")
    subject: str = Field(default="", title="Subject", description="Subject of the message.")
    text: str = Field(default="", title="Text", description="The message.")


class Webhook:
    """See `info`."""

    info = AdapterInfo(
        name="webhook",
        summary="POSTs messages as JSON, signed per Standard Webhooks.",
        version="1",
        ports=("notifier", "actuator"),
        verbs=(
            VerbInfo(
                "post",
                "POSTs a message with an id by which the receiver drops doubles.",
                Repeat.KEYED,
                PostOptions,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Send it. Sent and not answered is unknown; the id makes sending again harmless."""
        if effect.verb != "post":
            return failed(f"no verb {effect.verb}")
        options = read_options(PostOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        body = _body(effect, options)
        headers = {"content-type": "application/json", "idempotency-key": message_id(effect.id)}
        try:
            headers |= _signed(effect, options, body)
        except (OSError, ValueError) as error:
            return failed(one_line(f"cannot sign: {error}"))
        request = Request("POST", options.url, effect.timeout_ms, content=body, headers=headers)
        answer = await call(request)
        if isinstance(answer, NoAnswer):
            if not answer.usable:
                return failed(answer.because)
            return unknown(answer.because) if answer.sent else retry(answer.because)
        if 200 <= answer.status <= 299:
            return done(f"answered {answer.status}")
        if answer.status == 409:
            return done("answered 409: the receiver has it already")
        return not_accepted(answer)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the receiver takes connections, and the secret can be read. Nothing is posted."""
        chosen = read_options(PostOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            signed = bool(chosen.secret_file) and bool(_secret(chosen.secret_file))
        except (OSError, ValueError) as error:
            return failed(one_line(f"cannot sign: {error}"))
        missing = await connects(chosen.url, timeout_ms)
        if missing is not None:
            return failed(missing.because)
        return done("takes connections; " + ("messages are signed" if signed else "not signed"))

    async def observe(self, effect: Effect) -> Outcome:
        """A webhook cannot be asked."""
        return unknown(f"a webhook cannot be asked whether it has {effect.id}")


def message_id(effect_id: str) -> str:
    """The effect's id as it can stand in a header."""
    return quote(effect_id, safe="/:@#+-_", errors="replace")


def _body(effect: Effect, options: PostOptions) -> bytes:
    message = {
        "id": message_id(effect.id),
        "to": one_line(options.to),
        "subject": one_line(options.subject),
        "text": many_lines(options.text),
    }
    return json.dumps(message, ensure_ascii=False).encode("utf-8")


def _signed(effect: Effect, options: PostOptions, body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    headers = {"webhook-id": message_id(effect.id), "webhook-timestamp": at}
    if options.secret_file:
        secret = _secret(options.secret_file)
        content = f"{headers['webhook-id']}.{at}.".encode() + body
        digest = hmac.new(secret, content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _secret(path: str) -> bytes:
    text = beginning(Path(path), 4096).strip().removeprefix("whsec_")
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        secret = b""
    if not secret:
        raise ValueError("the secret file holds no base64 secret")
    return secret
