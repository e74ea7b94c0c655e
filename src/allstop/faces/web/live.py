"""Server-sent events: the fragments of a page that changed, as soon as the log grows."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from allstop.application.aside import aside
from allstop.application.coordinator import Coordinator
from allstop.application.privacy import Reader
from allstop.application.shapes import Entry
from allstop.application.views import Views
from allstop.domain.principal import Principal
from allstop.errors import AllstopError
from allstop.faces.web.chronicle import Chronicle
from allstop.faces.web.pages import Shown, incident_of, show
from allstop.faces.web.rendering import Fragment, Pages

# Many entries come together: wait a little and send them as one.
DEBOUNCE_S = 0.25
# Services are sampled without an entry in the log.
AT_LEAST_EVERY_S = 2.0
WATCHERS = 200
PAINTS_KEPT = 64
FRESH_MS = 200


@dataclass(frozen=True, slots=True)
class Paint:
    """A page rendered at a moment. It depends on what is hidden from who looks, and on nothing else of
    theirs, so watchers share it."""

    shown: Shown
    fragments: dict[str, Fragment]
    position: int
    at_ms: int


class Painter:
    """Gathers and renders pages; what several people look at is rendered once.

    What a page shows is gathered at one moment, on the event loop. Reading a long log and rendering are
    done beside it, one page after the other.
    """

    def __init__(self, coordinator: Coordinator, pages: Pages) -> None:
        self.coordinator = coordinator
        self._pages = pages
        self._chronicle = Chronicle(coordinator)
        self._paints: OrderedDict[tuple[object, ...], Paint] = OrderedDict()
        self._turn = asyncio.Lock()

    async def paint(self, path: str, query: Mapping[str, str], who: Principal) -> Paint:
        """The page as it is now for somebody. Raises Missing or Invalid."""
        async with self._turn:
            views = self.coordinator.views.for_(who)
            asked = (query.get(name, "") for name in ("everything", "all", "before"))
            key = (path, *asked, views.reader.hidden)
            position = self.coordinator.store.last_position()
            now = self.coordinator.clock.now().monotonic_ms
            found = self._paints.get(key)
            fresh = found is not None and 0 <= now - found.at_ms < FRESH_MS
            if found is not None and fresh and found.position == position:
                return found
            return self._keep(key, await self._painted(views, path, query, position, now))

    async def _painted(
        self, views: Views, path: str, query: Mapping[str, str], position: int, now: int
    ) -> Paint:
        entries: list[Entry] = []
        if incident := incident_of(path):
            known = views.known(incident)
            entries = await aside(lambda: self._chronicle.timeline(known))
        shown = show(self.coordinator, views, entries, path, query)
        shown = replace(
            shown, title=views.reader.text(shown.title), said=views.reader.text(shown.said)
        )
        fragments = await aside(lambda: self._rendered(shown, views.reader))
        return Paint(shown, fragments, position, now)

    def _rendered(self, shown: Shown, reader: Reader) -> dict[str, Fragment]:
        return {
            name: _discreet(self._pages.fragment(name, shown.context), reader)
            for name in shown.fragments
        }

    def _keep(self, key: tuple[object, ...], paint: Paint) -> Paint:
        self._paints[key] = paint
        self._paints.move_to_end(key)
        while len(self._paints) > PAINTS_KEPT:
            self._paints.popitem(last=False)
        return paint


def _discreet(fragment: Fragment, reader: Reader) -> Fragment:
    """A fragment without ids and titles of hidden incidents that people wrote into other texts."""
    if not reader.hidden:
        return fragment
    html = Markup(reader.text(str(fragment.html)))  # noqa: S704 - only words without markup are put in
    return replace(fragment, html=html)


@dataclass(slots=True)
class Stream:
    """One connection. who: sees it; farewell: asked before each message; a name ends the stream with that event.

    What this connection was sent last is remembered by fragment, so it is sent only what changed.
    A new connection is sent everything: the page drops what it has already.
    """

    painter: Painter
    path: str
    query: Mapping[str, str]
    who: Principal
    farewell: Callable[[], str]
    sent: dict[str, str] = field(default_factory=dict)

    async def messages(self) -> AsyncIterator[bytes]:
        hub = self.painter.coordinator.hub
        waker = hub.waker()
        try:
            yield b"retry: 2000\n\n"
            while not (last := self.farewell()):
                waker.clear()
                yield await self._message()
                await _grown(waker)
            yield _event(last, 0, {})
        except AllstopError as error:
            yield _event("gone", 0, {"because": error.text})
        finally:
            hub.forget(waker)

    async def _message(self) -> bytes:
        paint = await self.painter.paint(self.path, self.query, self.who)
        changed = [one for one in paint.fragments.values() if self.sent.get(one.id) != one.mark]
        self.sent |= {one.id: one.mark for one in changed}
        body = {
            "at": self.painter.coordinator.clock.now().utc.isoformat(),
            "title": paint.shown.title,
            "said": paint.shown.said,
            "fragments": [{"id": one.id, "mark": one.mark, "html": one.html} for one in changed],
        }
        return _event("fragments", paint.position, body)


async def _grown(waker: asyncio.Event) -> None:
    """Wait for the log to grow, or a while."""
    try:
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the wake-up.
        async with asyncio.timeout(AT_LEAST_EVERY_S):
            await waker.wait()
    except TimeoutError:
        return
    await asyncio.sleep(DEBOUNCE_S)


def _event(name: str, position: int, body: Mapping[str, object]) -> bytes:
    # JSON has no raw line breaks, so one data line holds it.
    id = f"id: {position}\n" if position else ""
    return f"event: {name}\n{id}data: {json.dumps(body)}\n\n".encode()
