"""Fields of forms and updates: what was given, what the record fills in, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allstop.domain.moment import time_words
from allstop.domain.policy import FormField
from allstop.domain.prefill import Known, choice_of, prefilled
from allstop.domain.verdict import Reason, Verdict, nearest

FIELD_LIMIT = 4000
TIME_HINT = "in UTC, such as 2026-11-21T04:30Z"


@dataclass(slots=True)
class Filled:
    """values: by id, in the protocol's order; against: everything that stands against it."""

    values: dict[str, str] = field(default_factory=dict)
    against: list[Reason] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        return Verdict(tuple(self.against))


def filled(
    fields: tuple[FormField, ...], given: Mapping[str, str], known: Known, what: str
) -> Filled:
    """The fields as they are to be recorded. what: `an update`, `the form Briefing`, for the reasons."""
    found = Filled()
    ids = [one.id for one in fields]
    for name in given:
        if name not in ids:
            hint = nearest(name, ids) or "it has no fields"
            found.against.append(Reason("unknown-field", f"{what} has no field {name}", hint))
    for one in fields:
        text = given.get(one.id, "").strip()
        if text:
            found.values[one.id] = _checked(one, text, found.against)
        elif by_record := _by_record(one, known):
            found.values[one.id] = by_record
        elif one.required:
            text = f"{what} needs the field {one.id} ({one.title})"
            found.against.append(Reason("missing-field", text, f'--field {one.id}="..."'))
    return found


def said(fields: tuple[FormField, ...], values: Mapping[str, str]) -> str:
    """The fields as people read them, one on each line: `Progress: the disk is being copied`."""
    lines = []
    for one in fields:
        value = values.get(one.id, "")
        if one.kind == "time" and (at := instant(value)) is not None:
            value = time_words(at)
        if one.kind == "list" and "\n" in value:
            value = "".join(f"\n- {line}" for line in value.split("\n"))
        if value:
            lines.append(f"{one.title}:{value}" if value[0] == "\n" else f"{one.title}: {value}")
    return "\n".join(lines)


def instant(text: str) -> datetime | None:
    """A time as ISO 8601 has it, in UTC; one that names no zone is UTC, as every time here is."""
    try:
        return in_utc(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def written(at: datetime) -> str:
    """A time as fields hold it."""
    return f"{in_utc(at).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _checked(one: FormField, text: str, against: list[Reason]) -> str:
    """The value as it is kept; what is wrong with it is added to `against`."""
    wrong: Reason | None = None
    if len(text) > FIELD_LIMIT:
        wrong = Reason("too-long", f"{one.title} has at most {FIELD_LIMIT} characters")
    elif one.kind == "choice" and text not in one.choices:
        wrong = Reason("bad-choice", f"{one.title} is not {text[:80]}", nearest(text, one.choices))
    elif one.kind == "time" and instant(text) is None:
        wrong = Reason("bad-time", f"{one.title}: {text[:80]} is no time", TIME_HINT)
    if wrong is not None:
        against.append(wrong)
        return text
    at = instant(text) if one.kind == "time" else None
    if at is not None:
        return written(at)
    return _lines(text) if one.kind == "list" else text


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _by_record(one: FormField, known: Known) -> str:
    """What the record has for a field; empty when it has nothing that such a field can hold."""
    if not one.prefill:
        return ""
    if one.kind == "choice":
        return choice_of(known, one.prefill, one.choices)
    text = prefilled(known, one.prefill)
    if one.kind == "time" and instant(text) is None:
        return ""
    return text if len(text) <= FIELD_LIMIT else f"{text[: FIELD_LIMIT - 4].rstrip()} ..."
