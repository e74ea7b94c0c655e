"""What is set from outside and outlives the process: switches, and the door of a service.

Every order carries the epoch of the coordinator that gives it; one from an older coordinator is refused.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from allstop.sandbox.shop.wire import (
    Answer,
    Body,
    Handler,
    RefusedError,
    Request,
    data_folder,
    text_of,
    whole_of,
)


class Switches:
    """Named states on disk, each with the epoch and key of the order that set it."""

    def __init__(self, path: Path, usual: Mapping[str, Any]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._table: dict[str, Body] = {
            name: {"state": state, "epoch": 0, "key": ""} for name, state in usual.items()
        }
        if path.exists():
            self._table |= json.loads(path.read_text())

    def state(self, name: str) -> Any:
        """What a switch is set to."""
        return self._table[name]["state"]

    def table(self) -> dict[str, Body]:
        """A copy of the whole table."""
        with self._lock:
            return {name: dict(switch) for name, switch in self._table.items()}

    def stored(self) -> dict[str, Body]:
        """The table as the next start of the process would find it."""
        with self._lock:
            if not self._path.exists():
                return {name: dict(switch) for name, switch in self._table.items()}
            found: dict[str, Body] = json.loads(self._path.read_text())
            return found

    def put(self, name: str, state: Any, order: Body) -> Body:
        """Set a switch durably, by an order with `epoch` and `key`.

        Raises RefusedError: 400 no order, 404 unknown, 409 an epoch already overtaken.
        """
        epoch, key = whole_of(order, "epoch", 0, 2**53), text_of(order, "key")
        with self._lock:
            if name not in self._table:
                raise RefusedError(404, f"no switch {name}")
            last = self._table[name]["epoch"]
            if epoch < last:
                raise RefusedError(409, f"epoch {epoch} is over, {name} obeys {last}", epoch=last)
            switch: Body = {"state": state, "epoch": epoch, "key": key}
            self._write(self._table | {name: switch})
            self._table[name] = switch
            return {"name": name, **switch}

    def _write(self, table: dict[str, Body]) -> None:
        draft = self._path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(table, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Door:
    """Whether a service takes new work, how large a share of it, and how much is inside.

    A closed door outlives the process. Test transactions pass it: a service is tried before anybody is let in.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        usual = {"door": "open", "share": 100}
        self._switches = Switches(data_folder() / f"door-{service}.json", usual)
        self._changed = threading.Lock()
        self._busy = 0
        self._asked = 0

    @contextmanager
    def inside(self, *, synthetic: bool) -> Iterator[None]:
        """A piece of work while it is under way. Raises RefusedError (503) if it is not let in."""
        if synthetic:
            yield
            return
        self._let_in()
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1

    def guard(self, work: Mapping[str, Handler]) -> dict[str, Handler]:
        """Routes whose work goes through the door, and the routes of the door itself."""
        return {route: self._guarded(handler) for route, handler in work.items()} | self.routes()

    def routes(self) -> dict[str, Handler]:
        """GET and PUT /admin/door, PUT /admin/share."""
        return {
            "GET /admin/door": lambda _: Answer(200, self.told()),
            "PUT /admin/door": self._put_door,
            "PUT /admin/share": self._put_share,
        }

    def told(self) -> Body:
        """`door`: open or closed; `share`: percent that is let in; `busy`: how much is inside."""
        door, share = self._switches.state("door"), self._switches.state("share")
        return {"service": self._service, "door": door, "share": share, "busy": self._busy}

    def _let_in(self) -> None:
        share = self._switches.state("share")
        if self._switches.state("door") != "open":
            raise RefusedError(503, f"{self._service} takes nothing new", stage=self._service)
        with self._changed:
            self._asked += 1
            # Evenly, and not by chance: of any hundred in a row exactly so many.
            if self._asked * share // 100 == (self._asked - 1) * share // 100:
                text = f"{self._service} takes {share} % of what comes"
                raise RefusedError(503, text, stage=self._service)
            self._busy += 1

    def _guarded(self, handler: Handler) -> Handler:
        def guarded(request: Request) -> Answer:
            with self.inside(synthetic=request.body.get("synthetic") is True):
                return handler(request)

        return guarded

    def _put_door(self, request: Request) -> Answer:
        state = text_of(request.body, "state")
        if state not in ("open", "closed"):
            raise RefusedError(400, "state must be open or closed")
        self._switches.put("door", state, request.body)
        return Answer(200, self.told())

    def _put_share(self, request: Request) -> Answer:
        percent = whole_of(request.body, "percent", 0, 100)
        self._switches.put("share", percent, request.body)
        return Answer(200, self.told())
