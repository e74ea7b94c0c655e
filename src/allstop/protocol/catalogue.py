"""The adapters that exist, as a value: what `check` is handed instead of importing any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """One objection of an adapter to its options. path: keys and indexes into the options."""

    path: tuple[str | int, ...]
    text: str
    known: tuple[str, ...] = ()


OptionsCheck = Callable[[Mapping[str, Any]], tuple[OptionProblem, ...]]


def accept_all(options: Mapping[str, Any]) -> tuple[OptionProblem, ...]:
    """For adapters that publish no model."""
    del options
    return ()


def by_model(model: type[BaseModel]) -> OptionsCheck:
    """A check that asks a pydantic model."""

    def check(options: Mapping[str, Any]) -> tuple[OptionProblem, ...]:
        try:
            model.model_validate(dict(options))
        except ValidationError as error:
            known = tuple(field.alias or name for name, field in model.model_fields.items())
            return tuple(
                OptionProblem(
                    tuple(each["loc"]),
                    "unknown option" if each["type"] == "extra_forbidden" else each["msg"],
                    known if each["type"] == "extra_forbidden" and len(each["loc"]) == 1 else (),
                )
                for each in error.errors(include_url=False, include_context=False)
            )
        return ()

    return check


@dataclass(frozen=True, slots=True)
class VerbEntry:
    """One verb of an actuator. grace_ms: how long it waits for an end, where nobody says; None where it has no
    such option."""

    name: str
    options: OptionsCheck = accept_all
    read_only: bool = False
    grace_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AdapterEntry:
    """One adapter.

    ports: any of `probe`, `actuator`, `notifier`, `agent`; options: the check of what a probe, a
    channel or an agent is written with, by port (a port that is absent accepts everything); proofs: options
    of an agent of which it takes one at least, or nothing of what the agent says can be checked.
    """

    name: str
    ports: tuple[str, ...]
    verbs: tuple[VerbEntry, ...] = ()
    options: Mapping[str, OptionsCheck] = field(default_factory=dict)
    proofs: tuple[str, ...] = ()

    def verb(self, name: str) -> VerbEntry | None:
        return next((verb for verb in self.verbs if verb.name == name), None)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All adapters. unavailable: reason by name, for those that are installed and broken."""

    adapters: tuple[AdapterEntry, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def adapter(self, name: str) -> AdapterEntry | None:
        return next((adapter for adapter in self.adapters if adapter.name == name), None)

    def names(self, port: str) -> tuple[str, ...]:
        """The adapters that offer a port."""
        return tuple(adapter.name for adapter in self.adapters if port in adapter.ports)
