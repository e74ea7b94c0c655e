"""The world outside, as a story has it: how effects end, which probes are good, who keeps silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from allstop.domain.effects import Effect, Outcome, Purpose, done, failed
from allstop.domain.policy.tables import Scalar
from allstop.protocol.rehearsal.deeds import THINGS

FAILED, UNKNOWN = "failed", "unknown"


@dataclass(slots=True)
class Outside:
    """probes_good: None when they cannot look; silent: agents that do not answer; finds: facts by
    evidence; ends: (thing, name) -> failed | unknown, for what does not end well."""

    probes_good: bool | None = True
    silent: set[str] = field(default_factory=set)
    finds: dict[str, dict[str, Scalar]] = field(default_factory=dict)
    ends: dict[tuple[str, str], str] = field(default_factory=dict)

    def change(self, what: str, fields: Mapping[str, Any]) -> None:
        """A deed of the world. Raises ValueError for one that says nothing."""
        match what:
            case "probes":
                self.probes_good = fields.get("good", True)
            case "silent":
                self.silent |= set(fields.get("agents", []))
            case "finds":
                if not fields.get("evidence"):
                    raise ValueError("it names no evidence")
                self.finds[fields["evidence"]] = fields.get("facts", {})
            case "fails" | "unknown":
                if not fields:
                    raise ValueError(f"it names none of {', '.join(THINGS)}")
                for key in _things(fields):
                    self.ends[key] = FAILED if what == "fails" else UNKNOWN
            case "works":
                for key in list(_things(fields)) or list(self.ends):
                    self.ends.pop(key, None)

    def ending(self, effect: Effect) -> str:
        """`failed`, `unknown`, or empty when it ends well."""
        return next((end for key in _keys(effect) if (end := self.ends.get(key))), "")

    def outcome(self, effect: Effect) -> Outcome:
        """How an effect ends that ends at all."""
        if self.ending(effect) == FAILED:
            return failed("it fails, as the story says")
        match effect.purpose:
            case Purpose.EVIDENCE:
                name = effect.ref.rpartition("/")[2]
                found = self.finds.get(effect.ref, self.finds.get(name))
                if found is None:
                    return done("nothing out of the ordinary")
                return done("as the story says", dict(found))
            case Purpose.PREFLIGHT:
                checks = effect.options.get("checks", [])
                return done("rehearsed", {f"{one}/rehearsed": self._checked(one) for one in checks})
            case Purpose.STEP if effect.verb == "measure" and self.probes_good is None:
                return failed("the probe could not look")
            case _:
                return done("rehearsed")

    def _checked(self, check: str) -> str:
        match self.ends.get(("check", check)):
            case "failed":
                return "failed: as the story says"
            case "unknown":
                return "unknown: as the story says"
            case _:
                return "ok: rehearsed"


def _keys(effect: Effect) -> Iterator[tuple[str, str]]:
    """What a story may call an effect by."""
    if effect.purpose is Purpose.EVIDENCE:
        yield "evidence", effect.ref
        yield "evidence", effect.ref.rpartition("/")[2]
    elif effect.purpose is Purpose.STEP:
        yield "verb", effect.verb


def _things(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for thing in THINGS:
        if thing in fields:
            yield thing, str(fields[thing])
