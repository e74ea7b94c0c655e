"""Probe `http`: one request, judged by status and by what the answer says."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Literal

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.facts import facts_of, mismatch, read_json
from allstop.adapters.mechanisms.http_calls import Answer, NoAnswer, Request, call
from allstop.adapters.mechanisms.options import Options, filled, read_options
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample


class HttpProbeOptions(Options):
    """What to ask, and what a good answer is."""

    url: str = Field(title="URL", description="Address to ask, http or https.")
    method: Literal["GET", "HEAD", "POST"] = Field(
        default="GET", title="Method", description="POST for synthetic transactions."
    )
    json_body: Any = Field(
        default=None,
        alias="json",
        title="JSON body",
        description="Sent with POST; {unique} in its strings becomes a fresh id each time.",
    )
    expect_status: list[int] = Field(
        default_factory=list,
        title="Expected status",
        description="Statuses that are good; empty: 200 to 299.",
    )
    expect_json: dict[str, Scalar] = Field(
        default_factory=dict,
        title="Expected JSON",
        description='Path ("a.b") to the exact scalar the answer must hold there.',
    )
    max_bytes: int = Field(
        default=65_536,
        ge=1,
        le=10_000_000,
        title="Largest body",
        description="Bytes of the answer that are read.",
    )
    connect_ms: int = Field(
        default=3000,
        ge=1,
        title="Connect time-out",
        description="Milliseconds to get a connection.",
    )
    read_ms: int = Field(
        default=0,
        ge=0,
        title="Silence time-out",
        description="Milliseconds of silence that end the wait; 0: only the whole time counts.",
    )

    @model_validator(mode="after")
    def _fits(self) -> HttpProbeOptions:
        if self.json_body is not None and self.method != "POST":
            raise ValueError("json needs method POST")
        if self.expect_json and self.method == "HEAD":
            raise ValueError("HEAD has no body to expect JSON in")
        return self


class HttpProbe:
    """See `info`."""

    info = AdapterInfo(
        name="http",
        summary="Asks a URL and judges status and JSON of the answer.",
        version="1",
        ports=("probe",),
        probe_options=HttpProbeOptions,
    )

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One request. Not answering is bad; a probe that cannot ask at all could not run."""
        chosen = read_options(HttpProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        try:
            request = _request(chosen, timeout_ms)
        except ValueError as error:
            return Sample(name, None, f"the body cannot be sent: {error}"), {}
        began = time.monotonic_ns()
        answer = await call(request)
        took_ms = (time.monotonic_ns() - began) // 1_000_000
        if isinstance(answer, NoAnswer):
            return Sample(name, False if answer.usable else None, answer.because), {}
        return _judged(name, chosen, answer, took_ms)


def _request(options: HttpProbeOptions, timeout_ms: int) -> Request:
    content, headers = None, {"accept": "application/json, */*"}
    if options.json_body is not None:
        body = filled(options.json_body, {"unique": uuid.uuid4().hex})
        content = json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")
        headers["content-type"] = "application/json"
    return Request(
        options.method,
        options.url,
        timeout_ms,
        content=content,
        headers=headers,
        connect_ms=options.connect_ms,
        read_ms=options.read_ms,
        max_bytes=options.max_bytes,
    )


def _judged(
    name: str, options: HttpProbeOptions, answer: Answer, took_ms: int
) -> tuple[Sample, dict[str, Any]]:
    status = answer.status
    status_good = status in options.expect_status if options.expect_status else 200 <= status <= 299
    value, fault = _value_of(answer)
    facts: dict[str, Any] = dict(facts_of(value))
    if not status_good:
        return Sample(name, False, f"answered {status}"), facts
    if options.expect_json:
        fault = fault or mismatch(value, options.expect_json)
        if fault:
            return Sample(name, False, f"answered {status}, but {fault}"), facts
    return Sample(name, True, f"answered {status} in {took_ms} ms"), facts


def _value_of(answer: Answer) -> tuple[Any, str]:
    """The JSON of an answer, or why there is none."""
    if answer.cut:
        return None, f"the body is longer than {len(answer.body)} bytes"
    try:
        return read_json(answer.body), ""
    except ValueError:
        return None, "the body is no JSON"
