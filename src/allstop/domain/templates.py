"""What is told on each occasion: the protocol's own words, or these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from allstop.domain.policy.protocol import Protocol

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

# Placeholders every occasion has. order: to the agents, while an all-stop stands; roles: who holds
# which; next_hop: who comes after the first responder in the chain of escalation; payload: file that
# the channel keeps the incident in, empty where it keeps none.
COMMON = (
    "incident", "title", "severity", "severity_title", "kind", "impact", "services", "domain",
    "commander", "roles", "declared_by", "declared_at", "now", "status", "next_update", "order",
    "task_id", "first_responder", "next_hop", "payload",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occasion:
    """When something is told. more: placeholders beside the common ones; subject, text: the default;
    said: placeholders of which one must be said: the first follows where a template holds none."""

    about: str
    more: tuple[str, ...]
    subject: str
    text: str
    said: tuple[str, ...] = ()


OCCASIONS: dict[str, Occasion] = {
    "declared": Occasion(
        "an incident was declared", ("because",),
        "{incident} declared: {title}", "{severity}: {because}. {impact}.",
    ),
    "notice": Occasion(
        "the first notice to an audience that is told later than the others", (),
        "{incident}: {title}", "{severity_title}. {impact}. Status: {status}.",
    ),
    "severity": Occasion(
        "the severity changed", ("before", "because"),
        "{incident}: severity {before} -> {severity}", "{because}",
    ),
    "update": Occasion(
        "an update was posted", ("number", "text", "fields", "next_in"),
        "{incident} update {number}: {status}", "{text}\n{fields}\n{next_in}", ("next_in", "next_update"),
    ),
    "remedy": Occasion(
        "rollback, fix or investigate was decided", ("remedy", "because"),
        "{incident}: remedy is {remedy}", "{because}",
    ),
    "milestone": Occasion(
        "contained, mitigated or resolved", ("milestone", "how"), "{incident}: {milestone}", "{how}",
    ),
    "override": Occasion(
        "somebody overrode something", ("who", "subject", "because"),
        "{incident}: {who} overrode {subject}", "{because}",
    ),
    "relapse": Occasion(
        "it came back while it was being watched", ("seen", "after"), "{incident}: it is back",
        "{seen}. It had been stable for {after}; the window begins again.",
    ),
    "playbook": Occasion(
        "a step of a playbook tells an audience something", ("step", "text", "plan"),
        "{incident}: {step}", "{text}",
    ),
    "form": Occasion(
        "a form was filed that an audience gets", ("form", "fields"), "{incident}: {form}", "{fields}",
    ),
    "reopened": Occasion(
        "it recurred after it was stood down", ("because",), "{incident} is open again: {title}",
        "{because}",
    ),
    "merged": Occasion(
        "its response goes on in another incident", ("into", "because"),
        "{incident} goes on in {into}", "{because}",
    ),
    "dismissed": Occasion(
        "it was a false alarm", ("because",), "{incident} was a false alarm", "{because}",
    ),
    "stood-down": Occasion(
        "the response ended", ("reason", "duration", "root_cause", "review"),
        "{incident} stood down",
        "{reason} It lasted {duration}. Root cause: {root_cause}. All agents are released.{review}",
    ),
}  # fmt: skip


def placeholders(text: str) -> tuple[str, ...]:
    """The names in braces, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def known_placeholders(occasion: str) -> tuple[str, ...]:
    """What a template for the occasion may hold. Raises KeyError for an unknown occasion."""
    return (*COMMON, *OCCASIONS[occasion].more)


def render(
    protocol: Protocol, occasion: str, audience: str, fields: Mapping[str, str]
) -> tuple[str, str]:
    """Subject and text. The template for the audience wins over the general one, over the default.

    A placeholder nobody fills stays empty: a message must go out whatever is missing.
    """
    usual = OCCASIONS[occasion]
    found = [one for one in protocol.templates if one.occasion == occasion]
    chosen = next((one for one in found if one.audience == audience), None) or next(
        (one for one in found if not one.audience), None
    )
    subject, text = (chosen.subject, chosen.text) if chosen else (usual.subject, usual.text)
    if usual.said and not set(usual.said) & {*placeholders(subject), *placeholders(text)}:
        text = f"{text.rstrip()}\n{{{usual.said[0]}}}"
    return fill(subject, fields), fill(text, fields)


def fill(text: str, fields: Mapping[str, str]) -> str:
    """The text with its placeholders filled. A line that held nothing but empty ones goes with them."""
    lines = []
    for line in text.split("\n"):
        filled = _PLACEHOLDER.sub(lambda match: fields.get(match[1], ""), line)
        if filled.strip() or not _PLACEHOLDER.search(line):
            lines.append(filled)
    return "\n".join(lines)
