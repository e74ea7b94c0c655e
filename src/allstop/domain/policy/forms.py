"""What people write down in a fixed shape: forms, and templates of what is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormField:
    """kind: text | list (one entry per line) | choice | time; choices: for choice.

    prefill: what the coordinator fills in when nobody does, a name of `allstop.domain.prefill.PREFILLS`,
    or empty.
    """

    id: str
    title: str
    required: bool = True
    kind: str = "text"
    choices: tuple[str, ...] = ()
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A structured record: briefing, assessment, five whys, post-mortem.

    tell: audiences that get it when it is filed; after: whether it belongs to the time after
    stand-down (it may be filed before as well).
    """

    id: str
    title: str
    fields: tuple[FormField, ...]
    tell: tuple[str, ...] = ()
    after: bool = False

    def field(self, id: str) -> FormField | None:
        return next((one for one in self.fields if one.id == id), None)


@dataclass(frozen=True, slots=True)
class Template:
    """What is told on an occasion. occasion: see `allstop.domain.templates.OCCASIONS`; audience: only
    for this one, or empty. subject and text hold `{placeholders}`."""

    occasion: str
    subject: str
    text: str
    audience: str = ""
