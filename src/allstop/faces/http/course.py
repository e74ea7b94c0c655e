"""The operations on the course of an incident: triage, kinship, privacy, mode, preflight, the end."""

from __future__ import annotations

from allstop.application.reading_in import ReadIn
from allstop.domain.incident import course_commands as c
from allstop.faces.http import models as m
from allstop.faces.http import models_course as n
from allstop.faces.http.incidents import ONE, about
from allstop.faces.http.operation import Call, Operation, view


def _correct(id: str, call: Call) -> c.CorrectEntry:
    body: n.Correction = call.body
    return c.CorrectEntry(id, body.version, body.text, body.because)


def _mode(id: str, call: Call) -> c.ExtendMode | c.EndMode:
    body: n.Mode = call.body
    if body.until is None:
        return c.EndMode(id, body.because)
    return c.ExtendMode(id, m.utc(body.until), body.because)


COURSE: tuple[Operation, ...] = (
    Operation(
        "read-in", "GET", f"{ONE}/read-in", "What somebody who joins late has to know.",
        view(lambda call: call.views.read_in(call.incident(), call.who)), ReadIn,
        subject="incident", tag="incidents",
    ),
    about(
        "triage", "triage", "Say that it is real and how bad, or that it is a false alarm.",
        n.Triage,
        lambda id, call: c.TriageIncident(
            id, call.body.real, call.body.text, call.body.severity, call.body.kind
        ),
    ),
    about(
        "correct", "corrections", "Correct an entry of the timeline; the original stays.",
        n.Correction, _correct,
    ),
    about(
        "link", "links", "Link it to another incident.", n.Link,
        lambda id, call: c.LinkIncidents(id, call.named(call.body.to), call.body.how),
    ),
    about(
        "merge", "merge", "Let its response go on in another incident.", n.Merge,
        lambda id, call: c.MergeIncident(id, call.named(call.body.into), call.body.because),
    ),
    about(
        "privacy", "privacy", "Make it private, or public again.", n.Privacy,
        lambda id, call: c.SetPrivacy(id, call.body.private, call.body.because),
    ),
    about(
        "reopen", "reopen", "Open it again, because it came back.", m.Because,
        lambda id, call: c.ReopenIncident(id, call.body.because),
    ),
    about(
        "close", "close", "Close it, once all that the protocol asks for before closing is there.", n.Close,
        lambda id, call: c.CloseIncident(id, call.body.note),
    ),
    about("mode", "mode", "Extend emergency mode, or end it.", n.Mode, _mode),
    about(
        "preflight", "preflight", "Run the protocol's checks before anything is executed.",
        m.Nothing, lambda id, _: c.BeginPreflight(id),
    ),
)  # fmt: skip
