"""Reports and post-mortems, made from the record alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from allstop.application.aside import aside
from allstop.application.command_post import CommandPost, Request
from allstop.application.ports import Clock
from allstop.application.reporting.composing import post_mortem, report
from allstop.application.reporting.contents import Material
from allstop.application.reporting.formats import as_json, html, markdown
from allstop.application.reporting.paper import Paper, reworded
from allstop.application.views import Views
from allstop.domain.incident.commands import RecordReport
from allstop.domain.principal import Principal
from allstop.domain.verdict import nearest
from allstop.errors import Missing, Unavailable

KINDS = {"report": report, "post-mortem": post_mortem}
MEDIA = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}
FORMATS: dict[str, Callable[[Paper], str]] = {"md": markdown, "html": html, "json": as_json}


class Archive(Protocol):
    """Where reports are kept."""

    def keep(self, name: str, text: str) -> str:
        """Write durably and return the path relative to the project folder. Blocking. Raises OSError."""


Typesetter = Callable[[Paper], bytes]


class Reports:
    """Renders and files reports. typesetter: makes a PDF; None without the extra that brings one.

    A new one knows everything, as the coordinator does; `for_` gives what somebody's views show. A long
    timeline takes a while, so a face renders `aside`.
    """

    def __init__(
        self, views: Views, post: CommandPost, clock: Clock, archive: Archive,
        typesetter: Typesetter | None = None,
    ) -> None:  # fmt: skip
        self._views = views
        self._post = post
        self._clock = clock
        self._archive = archive
        self._typesetter = typesetter

    def for_(self, views: Views) -> Reports:
        """The same documents as these views show them. Faces show no others."""
        return Reports(views, self._post, self._clock, self._archive, self._typesetter)

    def paper(self, name: str, kind: str = "report") -> Paper:
        """The document as it stands now. Raises Missing for an unknown incident or kind."""
        if kind not in KINDS:
            raise Missing(f"there is no {kind}", nearest(kind, KINDS))
        view = self._views.incident(name)
        incident = self._post.world.incidents[view.line.id]
        policy = self._post.book.pinned(incident.policy)
        material = Material(view, incident, self._views.timeline(name))
        made = KINDS[kind](material, policy, self._clock.now().utc)
        reader = self._views.reader
        return reworded(made, reader.text) if reader.hidden else made

    def render(self, name: str, kind: str = "report", form: str = "md") -> str:
        """A document as text. form: md | html | json. Raises Missing."""
        if form not in FORMATS:
            raise Missing(f"there is no text format {form}", nearest(form, MEDIA))
        return FORMATS[form](self.paper(name, kind))

    def print(self, name: str, kind: str = "report", form: str = "md") -> tuple[bytes, str]:
        """A document as bytes with its media type, PDF too. Raises Missing."""
        if form != "pdf":
            return self.render(name, kind, form).encode(), MEDIA[form]
        if self._typesetter is None:
            raise Missing("PDF needs a library that is not installed", "pip install 'allstop[pdf]'")
        return self._typesetter(self.paper(name, kind)), MEDIA[form]

    async def file(self, name: str, who: Principal) -> tuple[str, str]:
        """Write the report to `reports/YYYY-MM-DD-ID.md`; returns path and text.

        Anybody may open the file, so it names no other incident that is private. Raises Missing, Refused
        before anything is written, and Unavailable when it cannot be.
        """
        incident = self._post.world.incidents[self._views.known(name)]
        written = f"{incident.declared_at:%Y-%m-%d}-{incident.id}.md"
        request = Request(who, "report")
        if not self._post.ask(RecordReport(incident.id, written, ""), who).allowed:
            # This refuses it on the record; were it allowed by now, it would be filed after all.
            await self._post.do(RecordReport(incident.id, written, ""), request)
        everybody = self.for_(self._views.for_readers_of(incident.id))
        text = await aside(lambda: everybody.render(incident.id))
        try:
            path = await aside(lambda: self._archive.keep(written, text))
        except OSError as error:
            hint = "look at the folder of the reports, and at the space on the disk"
            raise Unavailable(f"the report cannot be written: {error}", hint) from error
        digest = hashlib.sha256(text.encode()).hexdigest()
        await self._post.do(RecordReport(incident.id, path, digest), request)
        return path, text
