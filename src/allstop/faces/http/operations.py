"""The table of all operations. Routes, the OpenAPI document and docs/http-api.md follow it."""

from __future__ import annotations

from allstop.faces.http.coordination import COORDINATION
from allstop.faces.http.fleet import FLEET
from allstop.faces.http.incidents import INCIDENTS
from allstop.faces.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = INCIDENTS + FLEET + COORDINATION
