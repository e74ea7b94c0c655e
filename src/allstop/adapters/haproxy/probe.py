"""Probe `haproxy`: whether a server serves or is drained, a backend has enough, how many answers are errors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from allstop.adapters.haproxy.farm import Farm, Responses, look
from allstop.adapters.haproxy.runtime import (
    NAME,
    SERVER,
    Lost,
    Nonsense,
    Refused,
    Runtime,
    RuntimeOptions,
    Unreachable,
)
from allstop.adapters.haproxy.weights import share
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo
from allstop.domain.policy.tables import Scalar
from allstop.domain.samples import Sample

_MOST_REMEMBERED = 1000

Seen = tuple[bool | None, str, dict[str, Scalar]]


class HAProxyProbeOptions(RuntimeOptions):
    """What of which HAProxy is looked at, and what is good."""

    expect: Literal[
        "up", "ready", "drained", "weighs", "enough", "few-errors", "open", "closed"
    ] = Field(
        title="Expected",
        description=(
            "up: the server's health check passes and it takes traffic; ready: it may take traffic, checked or"
            " not; drained: it takes nothing new and no session is left; weighs: it has percent of its configured"
            " weight; enough: the backend has at_least"
            " servers that take traffic; few-errors: answers with a status from 500 to 599 since the last look;"
            " open, closed: the frontend."
        ),
    )
    server: str = Field(
        default="",
        pattern=f"{SERVER}|^$",
        title="Server",
        description="BACKEND/SERVER, for up, ready, drained, weighs, and few-errors of one server.",
    )
    backend: str = Field(
        default="",
        pattern=f"{NAME}|^$",
        title="Backend",
        description="Its name, for enough, and for few-errors of all its servers.",
    )
    frontend: str = Field(
        default="",
        pattern=f"{NAME}|^$",
        title="Frontend",
        description="Its name, for open and closed.",
    )
    percent: Annotated[int, Field(ge=0, le=100)] | Literal["{percent}"] | None = Field(
        default=None,
        title="Share",
        description="Per cent of its weight by the configuration, for weighs; or {percent}, which a ramp fills in.",
    )
    at_least: int = Field(
        default=1, ge=1, title="At least", description="So many servers are enough."
    )
    most_percent: int = Field(
        default=1,
        ge=0,
        le=100,
        title="Most errors",
        description="Per cent of the answers that may be errors.",
    )
    least_answers: int = Field(
        default=1,
        ge=1,
        title="Fewest answers",
        description="With fewer answers since the last look, the share of errors says nothing.",
    )

    @model_validator(mode="after")
    def _names_one(self) -> HAProxyProbeOptions:
        wanted = {
            "enough": ("backend",),
            "open": ("frontend",),
            "closed": ("frontend",),
            "few-errors": ("server", "backend"),
        }.get(self.expect, ("server",))
        given = [name for name in ("server", "backend", "frontend") if getattr(self, name)]
        if len(given) != 1 or given[0] not in wanted:
            raise ValueError(f"{self.expect} needs {' or '.join(wanted)}, and nothing else")
        if (self.expect == "weighs") != (self.percent is not None):
            raise ValueError("percent goes with weighs, and with nothing else")
        return self


class HAProxyProbe:
    """See `info`. It remembers, for `few-errors`, what it counted at its last look."""

    info = AdapterInfo(
        name="haproxy",
        summary="Looks at servers, backends and frontends of an HAProxy.",
        version="1",
        ports=("probe",),
        probe_options=HAProxyProbeOptions,
    )

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[str, str, str], Responses] = OrderedDict()

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. An HAProxy that cannot be asked is bad: nothing goes through it."""
        chosen = read_options(HAProxyProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        try:
            farm = await look(Runtime(chosen, Deadline.within(timeout_ms)))
            good, text, facts = self._judged(name, farm, chosen)
        except Refused as error:
            return Sample(name, None, one_line(str(error))), {}
        except (Unreachable, Lost, Nonsense) as error:
            return Sample(name, False, one_line(str(error))), {}
        return Sample(name, good, one_line(text)), facts

    def _judged(self, name: str, farm: Farm, options: HAProxyProbeOptions) -> Seen:
        if options.expect == "few-errors":
            path = options.server or options.backend
            return self._errors((name, options.socket, path), farm.responses(path), options)
        return _LOOKS[options.expect](farm, options)

    def _errors(
        self, key: tuple[str, str, str], now: Responses | None, options: HAProxyProbeOptions
    ) -> Seen:
        if now is None:
            return None, "HAProxy counts no statuses in mode tcp", {}
        before = self._counted.pop(key, None)
        self._counted[key] = now
        while len(self._counted) > _MOST_REMEMBERED:
            self._counted.popitem(last=False)
        if before is None:
            return None, "the first look: nothing to compare with", {}
        whole, errors = now.whole - before.whole, now.errors - before.errors
        if whole < 0 or errors < 0:
            return None, "HAProxy began to count anew: nothing to compare with", {}
        facts: dict[str, Scalar] = {"answers": whole, "errors": errors}
        if whole < options.least_answers:
            return None, f"only {whole} answers since the last look", facts
        fine = 100 * errors <= options.most_percent * whole
        return fine, f"{errors} of {whole} answers since the last look are errors", facts


def _server(farm: Farm, options: HAProxyProbeOptions) -> Seen:
    one = farm.server(options.server)
    facts, text = one.facts(), f"{one.path} is {one.status}, weight {one.weight}"
    if not one.takes_traffic:
        return False, f"{text}, and takes no traffic", facts
    if options.expect == "up" and not one.is_checked:
        return None, f"nothing checks the health of {one.path}", facts
    return True, text, facts


def _drained(farm: Farm, options: HAProxyProbeOptions) -> Seen:
    one = farm.server(options.server)
    text = f"{one.path} is {one.status}, {one.sessions} sessions, {one.queued} waiting"
    return one.takes_nothing_new and not one.busy, text, one.facts()


def _weighs(farm: Farm, options: HAProxyProbeOptions) -> Seen:
    one = farm.server(options.server)
    wanted = share(one, options.percent)
    text = f"{one.path} weighs {one.weight} of {one.initial}, {wanted} wanted"
    return one.weight == wanted, text, one.facts()


def _enough(farm: Farm, options: HAProxyProbeOptions) -> Seen:
    servers = farm.backend(options.backend)
    serving = sum(1 for one in servers if one.takes_traffic)
    facts: dict[str, Scalar] = {"servers": len(servers), "serving": serving}
    text = f"{serving} of {len(servers)} servers of {options.backend} take traffic"
    return serving >= options.at_least, f"{text}, {options.at_least} wanted", facts


def _frontend(farm: Farm, options: HAProxyProbeOptions) -> Seen:
    row = farm.frontend(options.frontend)
    wanted = {"open": "OPEN", "closed": "PAUSED"}[options.expect]
    status = one_line(row["status"], 60)
    return status == wanted, f"frontend {options.frontend} is {status}", {"status": status}


_LOOKS: dict[str, Callable[[Farm, HAProxyProbeOptions], Seen]] = {
    "up": _server,
    "ready": _server,
    "drained": _drained,
    "weighs": _weighs,
    "enough": _enough,
    "open": _frontend,
    "closed": _frontend,
}
