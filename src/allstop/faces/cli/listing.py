"""A list as a command prints it: as JSON, as bare names, or as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page
from allstop.faces.cli.session import Session

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list the coordinator gives. path: of the API; head: column titles; row: one of it at an instant; news:
    whether --quiet names it; none: the sentence where there is nothing."""

    path: str
    head: Sequence[str]
    row: Callable[[Shape, datetime], Sequence[Cell]]
    news: Callable[[Shape], bool]
    none: str

    def show(self, session: Session) -> Sequence[Shape]:
        """Print it. Returns what was listed for people, to advise about; nothing for programs."""
        answer = session.client.get(self.path)
        if session.as_json:
            session.print_json(answer)
            return ()
        found, now = answer.data, session.now(answer)
        page = Page()
        if session.quiet:
            page.table((), [(one["name"],) for one in found if self.news(one)])
            session.show(page)
            return ()
        page.table(self.head, [self.row(one, now) for one in found])
        if not found:
            page.line(self.none)
        session.show(page)
        listed: Sequence[Shape] = found
        return listed
