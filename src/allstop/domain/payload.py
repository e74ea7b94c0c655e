"""The payload: an incident as one JSON document, for channels that keep it beside the message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.domain.incident.state import Incident
from allstop.domain.policy import Channel

# What a channel is asked for on these occasions is somebody's first word of the incident.
CARRIED_ON = frozenset({"declared", "notice"})
# A channel with one of these options names the folder it keeps payloads in.
FOLDERS = ("payloads", "folder")


def payload_name(incident: Incident) -> str:
    return f"{incident.id}.json"


def payload_path(channel: Channel | None, incident: Incident) -> str:
    """Where a channel keeps the payload, as its messages give it; empty when it keeps none."""
    if channel is None:
        return ""
    options = for_incident(channel.options, incident.id)
    named = [options[key] for key in FOLDERS if isinstance(options.get(key), str) and options[key]]
    if named:
        return f"{named[0].rstrip('/')}/{payload_name(incident)}"
    return payload_name(incident) if options.get("payload") is True else ""


def payload_of(incident: Incident, fields: Mapping[str, str]) -> str:
    """The incident as canonical JSON. fields: what templates say about it (`telling.common_fields`)."""
    document = {
        "incident": incident.id,
        "task_id": fields["task_id"],
        "title": incident.title,
        "kind": incident.kind,
        "severity": incident.severity,
        "because": incident.severity_because,
        "impact": incident.impact.facts(),
        "services": list(incident.services),
        "first_responders": list(incident.called),
        "declared_by": incident.declared_by,
        "declared_at": _utc(incident.declared_at),
        "status": fields["status"],
        "next_hop": fields["next_hop"],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def for_incident(options: Mapping[str, Any], id: str) -> dict[str, Any]:
    """A channel's options with `{incident}` filled in, so that each incident may have its own."""
    return {
        key: value.replace("{incident}", id.lower()) if isinstance(value, str) else value
        for key, value in options.items()
    }


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
