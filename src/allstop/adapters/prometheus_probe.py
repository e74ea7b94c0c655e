"""Probe `prometheus`: an instant query, each of whose series must keep a limit."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.decimals import is_limit, limit_of
from allstop.adapters.mechanisms.facts import fact_of, read_json
from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.http_calls import Answer, NoAnswer, Request, call
from allstop.adapters.mechanisms.options import Options, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_LONGEST_SECRET = 16_384


class PrometheusProbeOptions(Options):
    """What to ask, and which limits hold."""

    url: str = Field(
        min_length=1,
        title="URL",
        description="Where its API begins, such as http://127.0.0.1:9090; without /api/v1.",
    )
    query: str = Field(
        min_length=1, max_length=4000, title="Query", description="PromQL, evaluated for now."
    )
    at_most: int | str | None = Field(
        default=None, title="At most", description='Decimals as text ("0.05").'
    )
    at_least: int | str | None = Field(
        default=None, title="At least", description='Decimals as text ("0.05").'
    )
    min_series: int = Field(
        default=1,
        ge=1,
        le=100_000,
        title="Series",
        description="How many the answer must have; with fewer nothing is known.",
    )
    token_file: str = Field(
        default="", title="Token file", description="File with a bearer token to ask with."
    )
    user: str = Field(default="", title="User", description="Name for basic authentication.")
    password_file: str = Field(
        default="", title="Password file", description="File with the user's password."
    )
    max_bytes: int = Field(
        default=1_000_000,
        ge=100,
        le=50_000_000,
        title="Largest answer",
        description="Bytes; of a longer one nothing is believed.",
    )

    _number = field_validator("at_most", "at_least")(is_limit)

    @field_validator("url")
    @classmethod
    def _names_no_secret(cls, value: str) -> str:
        if "@" in urlsplit(value).netloc:
            raise ValueError("user and password belong into `user` and `password_file`")
        return value

    @model_validator(mode="after")
    def _fits(self) -> PrometheusProbeOptions:
        if self.at_most is None and self.at_least is None:
            raise ValueError("say at_most or at_least")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together")
        if self.user and self.token_file:
            raise ValueError("say token_file, or user and password_file, not both")
        return self


class _Unusable(Exception):
    """The answer says nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One value of the answer. name: its labels, for a sentence."""

    name: str
    value: Decimal

    def words(self) -> str:
        return f"{_shown(self.value)} ({self.name})" if self.name else _shown(self.value)


class PrometheusProbe:
    """See `info`."""

    info = AdapterInfo(
        name="prometheus",
        summary="Asks a Prometheus-compatible API; every series of the answer must keep the limits.",
        version="1",
        ports=("probe",),
        probe_options=PrometheusProbeOptions,
    )

    def __init__(self) -> None:
        self._secrets: HangingLooks[str] = HangingLooks()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One query. Facts: series, and value: the worst one. No data is never good."""
        chosen = read_options(PrometheusProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        try:
            headers = await self._headers(chosen, deadline)
        except (OSError, ValueError, StillLookingError) as error:
            why = str(error) or f"no end within {seconds(timeout_ms)}"
            return Sample(name, None, one_line(f"the secret cannot be read: {why}")), {}
        answer = await call(_request(chosen, headers, deadline))
        if isinstance(answer, NoAnswer):
            # Its silence says nothing about what it measures.
            return Sample(name, None, answer.because), {}
        try:
            found, partial = _found(answer)
        except _Unusable as error:
            return Sample(name, None, one_line(str(error))), {}
        good, text, facts = _judged(chosen, found)
        if good and partial:
            return Sample(name, None, one_line(f"{text}, but not all is known: {partial}")), facts
        return Sample(name, good, one_line(text)), facts

    async def _headers(self, options: PrometheusProbeOptions, deadline: Deadline) -> dict[str, str]:
        path = options.token_file or options.password_file
        if not path:
            return {}
        secret = await self._secrets.look(
            path, lambda: beginning(Path(path), _LONGEST_SECRET).strip(), deadline.left_ms()
        )
        if not secret or not secret.isprintable():
            raise ValueError(f"{path} holds none")
        if options.token_file:
            return {"authorization": f"Bearer {secret}"}
        pair = base64.b64encode(f"{options.user}:{secret}".encode()).decode()
        return {"authorization": f"Basic {pair}"}


def _request(
    options: PrometheusProbeOptions, headers: Mapping[str, str], deadline: Deadline
) -> Request:
    url = f"{options.url.rstrip('/')}/api/v1/query"
    return Request(
        "POST",
        url,
        deadline.left_ms(),
        content=urlencode({"query": options.query}).encode(),
        headers={"content-type": "application/x-www-form-urlencoded", **headers},
        max_bytes=options.max_bytes,
    )


def _found(answer: Answer) -> tuple[list[_Series], str]:
    """The series of an answer, and why it may not be all of them. Raises _Unusable."""
    if answer.cut:
        raise _Unusable(f"the answer is longer than {len(answer.body)} bytes")
    try:
        value = read_json(answer.body)
    except ValueError:
        raise _Unusable(f"answered {answer.status}, and no JSON") from None
    if not isinstance(value, dict) or value.get("status") != "success" or answer.status != 200:
        said = value.get("error") if isinstance(value, dict) else ""
        raise _Unusable(f"answered {answer.status}" + (f": {said}" if said else ""))
    data = value.get("data")
    kind, result = (
        (data.get("resultType"), data.get("result")) if isinstance(data, dict) else ("", "")
    )
    warnings = value.get("warnings")
    partial = str(warnings[0]) if isinstance(warnings, list) and warnings else ""
    if kind == "scalar":
        return [_Series("", _number(result))], partial
    if kind != "vector" or not isinstance(result, list):
        raise _Unusable(
            f"the query gives {one_line(str(kind), 40) or 'nothing'}, not one value each"
        )
    return [_series(one) for one in result], partial


def _series(one: Any) -> _Series:
    if not isinstance(one, dict) or "value" not in one:
        raise _Unusable("the answer has a series without a value")
    labels = one.get("metric")
    words = [f"{key}={text}" for key, text in labels.items()] if isinstance(labels, dict) else []
    return _Series(one_line(", ".join(words), 120), _number(one["value"]))


def _number(pair: Any) -> Decimal:
    """The value of a pair of time and value. Raises _Unusable; infinite ones are numbers, NaN is none."""
    try:
        _, text = pair
        number = Decimal(text if isinstance(text, str) else "none")
    except (TypeError, ValueError, InvalidOperation) as error:
        raise _Unusable("the answer has a value that is no number") from error
    if number.is_nan():
        raise _Unusable("the answer is NaN: there was nothing to compute it from")
    return number


def _judged(
    options: PrometheusProbeOptions, found: list[_Series]
) -> tuple[bool | None, str, dict[str, Any]]:
    facts: dict[str, Scalar] = {"series": len(found)}
    if len(found) < options.min_series:
        return None, f"{_counted(len(found))}, and {options.min_series} are needed to know", facts
    highest = max(found, key=lambda one: one.value)
    lowest = min(found, key=lambda one: one.value)
    if options.at_most is not None:
        facts["value"] = _shown(highest.value)
        if highest.value > limit_of(options.at_most):
            return False, f"{highest.words()} is more than {options.at_most}", facts
    if options.at_least is not None:
        if options.at_most is None or lowest.value < limit_of(options.at_least):
            facts["value"] = _shown(lowest.value)
        if lowest.value < limit_of(options.at_least):
            return False, f"{lowest.words()} is less than {options.at_least}", facts
    return True, f"{_counted(len(found))}, the worst of them {facts['value']}", facts


def _counted(number: int) -> str:
    return "no series" if not number else f"{number} series"


def _shown(value: Decimal) -> str:
    return str(fact_of(value) or one_line(str(value), 40))
