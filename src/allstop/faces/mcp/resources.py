"""What agents may read by address: halts, incidents, agents, runbooks."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from allstop.errors import Missing
from allstop.faces.mcp import shaping
from allstop.faces.mcp.asking import CALLER, Coordinator
from allstop.faces.mcp.shapes import Shape
from allstop.faces.mcp.untrusted import LINE, clean

Read = Callable[..., Awaitable[str]]
INCIDENT = re.compile(r"INC-[0-9]{1,9}|current")


class Resources:
    """By address; each answers JSON of one shape."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._ask = coordinator

    def table(self) -> dict[str, Read]:
        return {
            "allstop://halt": self.halts,
            "allstop://agents": self.agents,
            "allstop://incidents/{incident_id}": self.incident,
            "allstop://incidents/{incident_id}/timeline": self.timeline,
            "allstop://runbooks/{name}": self.runbook,
        }

    async def halts(self) -> str:
        """The halts that stand, and where you stand in each."""
        return _json(shaping.halts(await self._ask.read("halts"), CALLER.get().agent))

    async def agents(self) -> str:
        """The agents, and which halts hold them."""
        return _json(shaping.agents(await self._ask.read("agents")))

    async def incident(self, incident_id: str) -> str:
        """One incident."""
        return _json(shaping.incident(await self._ask.read("show", incident=_known(incident_id))))

    async def timeline(self, incident_id: str) -> str:
        """The newest entries of an incident's timeline."""
        found = await self._ask.read("timeline", incident=_known(incident_id))
        return _json(shaping.timeline(incident_id, found))

    async def runbook(self, name: str) -> str:
        """A playbook of the project."""
        found: list[dict[str, Any]] = await self._ask.read("playbooks")
        one = next((one for one in found if one["name"] == name), None)
        if one is None:
            known = ", ".join(clean(one["name"], LINE) for one in found) or "there are none"
            raise Missing(f"there is no runbook {clean(name, LINE)}", f"known: {known}")
        return _json(shaping.runbook(one))


def _known(incident: str) -> str:
    if not INCIDENT.fullmatch(incident):
        raise Missing("there is no such incident", "incidents are called INC-1, INC-2, ...")
    return incident


def _json(shape: Shape) -> str:
    return shape.model_dump_json()
